/**
 * What the name of a key says of its value: names, user names, dates of birth, places and devices have no shape of their
 * own, so the key has to say it. Compared in lower case without separators, as `identityKeyOf` does, which knows the
 * names under which the vault takes a value as the subject's own; here stand those, more, and the shape the value must have.
 */
import { remember } from '#base/remember.ts'
import type { KnownField } from '#model/field.ts'
import type { PersonalKind } from '#model/personal-kind.ts'
import { identityKeyOf } from '../identity-keys.ts'

export interface KeyKind {
  kind: PersonalKind
  rule: string
  confidence: number
  /** What a value of this kind looks like; anything else under the key is something else. */
  shape: RegExp
}

const ANY_TEXT = /^(?=.*[\p{L}\p{N}]).{1,200}$/su
/** One to six words of letters, no digits: `Asha`, `O'Brien-Smith`, `María José`, `आशा वर्मा`. */
const NAME = /^[\p{L}\p{M}'\u2019.-]{1,40}(?:[ ,]{1,2}[\p{L}\p{M}'\u2019.-]{1,40}){0,5}$/u
const HANDLE = /^@?(?=.*\p{L})[\p{L}\p{N}_.-]{2,64}$/u
const NUMBERED = /^(?=.*\d)[A-Za-z0-9][A-Za-z0-9 .\-/]{3,40}$/
const PHONE = /^(?=(?:\D{0,4}\d){6,20}\D?$)[\d+ ().\-/x]{6,48}$/
const DATE =
  /^(?:\d{4}[.\-/]\d{1,2}[.\-/]\d{1,2}(?:[T ][\d:.Z+-]{1,20})?|\d{1,2}[.\-/ ]\d{1,2}[.\-/ ](?:\d{4}|\d{2})|\d{8}|\d{1,2}(?:st|nd|rd|th)?[ -]\p{L}{3,12}[ -,]{1,2}\d{2,4}|\p{L}{3,12}\.? \d{1,2}(?:st|nd|rd|th)?,? \d{4})$/u
const COORDINATE = /^-?\d{1,3}(?:\.\d{1,17})?$/
const PLACE = /^-?\d{1,3}\.\d+[ ,;]{1,3}-?\d{1,3}\.\d+$/
const DEVICE = /^[A-Za-z0-9][A-Za-z0-9:._-]{7,128}$/
const POSTAL = /^(?=.*\d)[A-Za-z0-9][A-Za-z0-9 -]{2,11}$/

const kindOf = (kind: PersonalKind, shape: RegExp, confidence = 0.9, rule = `key.${kind}`): KeyKind => ({ kind, rule, confidence, shape })

/** Fields that `identityKeyOf` tells; those that detectors tell by their own shape need none here. */
const OF_FIELD: Partial<Record<KnownField, KeyKind>> = {
  name: kindOf('name', NAME),
  first_name: kindOf('name', NAME),
  last_name: kindOf('name', NAME),
  phone: kindOf('phone', PHONE),
  address: kindOf('address', ANY_TEXT, 0.85),
  postal_code: kindOf('address', POSTAL, 0.8, 'key.postal_code'),
  birth_date: kindOf('date_of_birth', DATE),
  national_id: kindOf('national_id', NUMBERED, 0.8),
  username: kindOf('username', HANDLE),
  location: kindOf('geo', new RegExp(`${COORDINATE.source}|${PLACE.source}`), 0.8),
}

const BARE_NAME = kindOf('name', NAME, 0.6)

const OWN: readonly (readonly [pattern: RegExp, kind: KeyKind])[] = [
  [/^(?:aadhaar|aadhar|uidai)/, kindOf('national_id', NUMBERED, 0.9, 'in.aadhaar')],
  [/passport/, kindOf('passport', NUMBERED)],
  [
    /^(?:vin|vehicle(?:number|no|reg(?:istration)?(?:number)?)?|numberplate|licen[cs]eplate|plate(?:number)?|registrationplate)$/,
    kindOf('vehicle', NUMBERED),
  ],
  [
    /^(?:pan(?:number|no|card)|gst(?:in|number|no)?|vat(?:number|id|no)?|tin|tax(?:id|number|payerid)|taxidentificationnumber|ein|itin)$/,
    kindOf('tax_id', NUMBERED),
  ],
  [
    /(?:driver|driving)s?licen[cs]e|^(?:ssn|sin|nino|nhs(?:number)?|voterid|cpf|nric|pesel|bsn|national(?:id|insurance)\w*)$/,
    kindOf('national_id', NUMBERED),
  ],
  [
    /^(?:user|login|screen|nick|member|account|profile|player|gamer)?(?:handle|nickname|nick|screenname|username|login|loginname|gamertag)$/,
    kindOf('username', HANDLE),
  ],
  [/^(?:telegram|instagram|twitter|github|skype|discord|snapchat)(?:handle|username|user|id|name)?$/, kindOf('username', HANDLE, 0.8)],
  [
    /^(?:(?:my|user|mobile|hardware|android|ios|apple|client)?device(?:id|identifier|uuid|udid|token|serial|serialnumber)|imei\d?|meid|udid|idf[av]|gaid|gpsadid|adid|aaid|advertising(?:id|identifier)|androidid|serial(?:number|no)?|androidadvertisingid|iccid|imsi|vendoridentifier|fingerprint|devicefingerprint|machineid)$/,
    kindOf('device_id', DEVICE),
  ],
  [/^(?:mac|macaddr|macaddress|wifimac|bluetoothmac|bssid)$/, kindOf('mac', /^(?:[0-9a-f]{2}[:.-]?){5}[0-9a-f]{2}$/i)],
  [/(?:lat|latitude|lng|lon|long|longitude)$/, kindOf('geo', /^-?\d{1,3}\.\d{2,17}$/, 0.75)],
  [/^(?:geo|geopoint|latlng|latlon|latlong|coords?|coordinates|gps|gpslocation|position|location)$/, kindOf('geo', PLACE)],
  [/(?:dob|dateofbirth|birthdate|birthday|born(?:on)?|geburtsdatum)$/, kindOf('date_of_birth', DATE)],
  [
    /(?:street|streetaddress|addressline[123]?|postaladdress|(?:home|billing|shipping|delivery|mailing|residential)address\w*|houseno|housenumber)$/,
    kindOf('address', ANY_TEXT, 0.85),
  ],
  [/(?:zip|zipcode|postcode|postalcode|pincode)$/, kindOf('address', POSTAL, 0.8, 'key.postal_code')],
  [
    /^(?:(?:full|first|last|middle|given|family|maiden|legal|real|display|sur|fore|birth)name|(?:customer|user|patient|employee|student|passenger|guest|recipient|sender|contact|author|owner|holder|cardholder|accountholder|beneficiary|payee|payer|mother|father|spouse|nominee|child|guardian|applicant|candidate|member|person|buyer|seller|driver|doctor|teacher|manager)s?(?:full|first|last|maiden)?name|nameoncard)$/,
    kindOf('name', NAME),
  ],
  [/^(?:iban|ibannumber|bankaccount(?:number|no)?|accountnumber|accountno)$/, kindOf('iban', /^[A-Za-z]{2}\d{2}[A-Za-z0-9 ]{11,40}$/)],
]

/** Undefined: the key says nothing. `own` keys of the identity list come second, since these know more exactly. */
export const keyKindOf = remember(
  (key): KeyKind | undefined => {
    if (key.length > 64) return undefined
    const name = key
      .normalize('NFKC')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}]/gu, '')
    for (const [pattern, kind] of OWN) if (pattern.test(name)) return kind
    const identity = identityKeyOf(key)
    if (identity === undefined) return undefined
    return name === 'name' || name === 'displayname' ? BARE_NAME : OF_FIELD[identity.field]
  },
  { entriesMax: 10_000, charactersMax: 64 },
)
