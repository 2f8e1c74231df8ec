/**
 * Meaning of Mixpanel's keys: the SDKs' own (mixpanel-browser, -node, -python, mobile "default properties" of
 * docs.mixpanel.com), the reserved profile keys, and the spellings in which applications name identity themselves.
 * What is not here is a free property.
 */
import type { KnownField } from '#model/field.ts'

const KEYS_OF_FIELD: Partial<Record<KnownField, readonly string[]>> = {
  email: ['$email'],
  name: ['$name'],
  first_name: ['$first_name'],
  last_name: ['$last_name'],
  phone: ['$phone'],
  avatar: ['$avatar'],
  ip: ['ip', '$ip'],
  location: ['$latitude', '$longitude'],
  city: ['$city'],
  region: ['$region'],
  country: ['mp_country_code', '$country_code'],
  timezone: ['$timezone'],
  user_id: ['distinct_id', '$distinct_id', '$user_id', '$identified_id', '$distinct_ids'],
  device_id: ['$device_id', '$anon_distinct_id', '$anon_id', '$ios_ifa', '$ios_ifv', '$android_devices', '$ios_devices', '$gps_adid'],
  insert_id: ['$insert_id'],
  session_id: ['$mp_replay_id', '$session_id', '$mp_session_id', 'mp_session_id', '$window_id'],
  click_id: [
    'dclid',
    'fbclid',
    'gclid',
    'ko_click_id',
    'li_fat_id',
    'msclkid',
    'sccid',
    'ttclid',
    'twclid',
    'wbraid',
    'gbraid',
    'yclid',
    'igshid',
    'mc_eid',
  ],
  os: ['$os'],
  browser: ['$browser'],
  browser_version: ['$browser_version'],
  device: ['$device', '$model', '$manufacturer', '$brand', '$ios_device_model', '$android_model', '$carrier', '$os_version'],
  screen: ['$screen_height', '$screen_width', '$screen_dpi'],
  user_agent: ['$user_agent', '$raw_user_agent'],
  url: [
    '$current_url',
    'current_domain',
    'current_url_path',
    'current_url_protocol',
    'current_url_search',
    '$host',
    '$pathname',
    '$el_attr__href',
    'mp_page',
  ],
  page_title: ['current_page_title', '$title'],
  referrer: ['$referrer', '$referring_domain', '$initial_referrer', '$initial_referring_domain', '$search_engine', 'mp_referrer'],
  search_keyword: ['mp_keyword'],
  technical: [
    'mp_lib',
    '$lib_version',
    'mp_sent_by_lib_version',
    'mp_loader',
    'mp_name_tag',
    '$had_persisted_distinct_id',
    '$mp_autocapture',
    '$import',
    '$mp_api_endpoint',
    '$mp_api_timestamp_ms',
    'mp_processing_time_ms',
    '$mp_event_size',
    '$geo_source',
    '$ae_total_app_sessions',
    '$android_lib_version',
    '$ios_lib_version',
    '$swift_lib_version',
    '$google_play_services',
    'bucket',
    '$bucket',
    'token',
    '$token',
    'time',
    '$time',
    '$ignore',
  ],
}

/** Application keys, compared without case and separators: `userEmail`, `user_email` and `User Email` are one. */
const APPLICATION_KEYS: Partial<Record<KnownField, readonly string[]>> = {
  email: ['email', 'emailaddress', 'useremail', 'mail', 'workemail', 'contactemail', 'customeremail'],
  name: ['fullname', 'realname', 'customername', 'contactname'],
  first_name: ['firstname', 'givenname', 'forename'],
  last_name: ['lastname', 'familyname', 'surname'],
  phone: ['phone', 'phonenumber', 'mobilenumber', 'mobilephone', 'telephone', 'userphone'],
  avatar: ['avatar', 'avatarurl', 'profilepicture'],
  address: ['address', 'streetaddress', 'homeaddress', 'billingaddress', 'shippingaddress', 'postaladdress'],
  birth_date: ['birthdate', 'dateofbirth', 'birthday', 'dob'],
  national_id: ['ssn', 'socialsecuritynumber', 'nationalid', 'passportnumber', 'taxid', 'aadhaar'],
  username: ['username', 'userlogin', 'nickname', 'screenname'],
  ip: ['ip', 'ipaddress', 'clientip', 'remoteip', 'userip'],
  location: ['latitude', 'longitude', 'lat', 'lng', 'lon', 'geolocation'],
  postal_code: ['zip', 'zipcode', 'postalcode', 'postcode'],
  user_id: ['userid', 'distinctid', 'customerid', 'uid', 'memberid'],
  device_id: ['deviceid', 'anonymousid', 'advertisingid', 'idfa', 'idfv', 'gaid', 'adid'],
  session_id: ['sessionid'],
  user_agent: ['useragent'],
}

const FIELD_OF_KEY: ReadonlyMap<string, KnownField> = new Map(flatten(KEYS_OF_FIELD))
const FIELD_OF_APPLICATION_KEY: ReadonlyMap<string, KnownField> = new Map(flatten(APPLICATION_KEYS))

function flatten(table: Partial<Record<KnownField, readonly string[]>>): [string, KnownField][] {
  return Object.entries(table).flatMap(([field, keys]) => keys.map((key): [string, KnownField] => [key, field as KnownField]))
}

const UTM = /^(?:\$?initial_)?utm_/
const APPLICATION_KEY_LENGTH_MAX = 40

/** Whose key it is: a bare `name` on a profile is the person's, on an event it may be a product's, on a group a company's. */
export type KeyBearer = 'event' | 'profile' | 'group'

/** Answers for keys that needed more than one look; emptied when full, so that invented keys cannot fill the memory. */
const DERIVED = new Map<string, KnownField | undefined>()
const DERIVED_MAX = 4096

export function fieldOfKey(key: string, bearer: KeyBearer): KnownField | undefined {
  const known = FIELD_OF_KEY.get(key)
  if (known !== undefined) return known
  if (key === 'name') return bearer === 'event' ? undefined : 'name'
  if (key.length > APPLICATION_KEY_LENGTH_MAX) return undefined
  const cached = DERIVED.get(key)
  if (cached !== undefined || DERIVED.has(key)) return cached
  if (DERIVED.size >= DERIVED_MAX) DERIVED.clear()
  const derived = deriveField(key)
  DERIVED.set(key, derived)
  return derived
}

function deriveField(key: string): KnownField | undefined {
  if (UTM.test(key)) return 'utm'
  if (key.startsWith('initial_')) return FIELD_OF_KEY.get(key.slice(8)) === 'click_id' ? 'click_id' : undefined
  return FIELD_OF_APPLICATION_KEY.get(key.toLowerCase().replaceAll(/[^a-z0-9]/g, ''))
}

/** Event names of the SDKs' fixed vocabulary: nobody typed them, so they need no approval to be known. */
export const RESERVED_EVENTS: ReadonlySet<string> = new Set([
  '$identify',
  '$create_alias',
  '$merge',
  '$opt_in',
  '$experiment_started',
  '$mp_web_page_view',
  '$mp_page_leave',
  '$mp_click',
  '$mp_dead_click',
  '$mp_rage_click',
  '$mp_input_change',
  '$mp_scroll',
  '$mp_submit',
  '$mp_session_record',
  '$ae_session',
  '$ae_first_open',
  '$ae_updated',
  '$ae_crashed',
  '$ae_iap',
  '$app_open',
  '$campaign_delivery',
  '$campaign_open',
])
