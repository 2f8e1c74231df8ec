/**
 * Names under which applications themselves put identity into free properties, whatever the protocol. Compared in lower
 * case without separators: `userEmail`, `user_email`, `User E-Mail` are one.
 */
import { remember } from '#base/remember.ts'
import type { KnownField } from '#model/field.ts'

const KEYS: Partial<Record<KnownField, readonly string[]>> = {
  email: [
    'email',
    'emails',
    'emailaddress',
    'useremail',
    'mail',
    'mailaddress',
    'workemail',
    'contactemail',
    'customeremail',
    'primaryemail',
  ],
  name: ['name', 'fullname', 'realname', 'displayname', 'legalname', 'personname', 'customername', 'contactname'],
  first_name: ['firstname', 'fname', 'givenname', 'forename', 'middlename'],
  last_name: ['lastname', 'lname', 'familyname', 'surname', 'maidenname'],
  phone: [
    'phone',
    'phones',
    'phonenumber',
    'mobile',
    'mobilenumber',
    'mobilephone',
    'cell',
    'cellphone',
    'telephone',
    'tel',
    'userphone',
    'whatsapp',
  ],
  avatar: ['avatar', 'avatarurl', 'profilepicture', 'profileimage', 'photourl'],
  address: [
    'address',
    'streetaddress',
    'street',
    'address1',
    'address2',
    'addressline1',
    'addressline2',
    'homeaddress',
    'billingaddress',
    'shippingaddress',
    'postaladdress',
  ],
  birth_date: ['birthdate', 'dateofbirth', 'birthday', 'dob'],
  national_id: [
    'ssn',
    'socialsecuritynumber',
    'nationalid',
    'nationalinsurancenumber',
    'passport',
    'passportnumber',
    'taxid',
    'aadhaar',
    'aadhaarnumber',
    'pannumber',
    'driverslicense',
    'iban',
  ],
  username: ['username', 'userlogin', 'nickname', 'screenname'],
  ip: ['ip', 'ipaddress', 'clientip', 'remoteip', 'remoteaddr', 'userip', 'ipaddr', 'xforwardedfor'],
  location: ['latitude', 'longitude', 'lat', 'lng', 'lon', 'geolocation', 'coordinates', 'gps'],
  postal_code: ['zip', 'zipcode', 'postalcode', 'postcode', 'pincode'],
}

/** Keys that end in these name somebody's identity, perhaps a third party's (`recipient_email`): sealed, but no fact of the subject. */
const ENDINGS: readonly (readonly [ending: string, field: KnownField])[] = [
  ['emailaddress', 'email'],
  ['email', 'email'],
  ['phonenumber', 'phone'],
  ['phone', 'phone'],
  ['fullname', 'name'],
  ['firstname', 'first_name'],
  ['lastname', 'last_name'],
  ['ipaddress', 'ip'],
  ['streetaddress', 'address'],
  ['dateofbirth', 'birth_date'],
]

const FIELD_OF: ReadonlyMap<string, KnownField> = new Map(
  Object.entries(KEYS).flatMap(([field, keys]) => keys.map((key): [string, KnownField] => [key, field as KnownField])),
)
const KEY_CHARACTERS_MAX = 64

export interface IdentityKey {
  field: KnownField
  /** True: the value may be told to the vault as the subject's own. */
  own: boolean
}

/** Whether a free key names identity. Undefined: it does not, as far as the list goes. */
export const identityKeyOf = remember(
  (key): IdentityKey | undefined =>
    key.length > KEY_CHARACTERS_MAX
      ? undefined
      : lookUp(
          key
            .normalize('NFKC')
            .toLowerCase()
            .replaceAll(/[^\p{L}\p{N}]/gu, ''),
        ),
  { entriesMax: 10_000, charactersMax: KEY_CHARACTERS_MAX },
)

function lookUp(name: string): IdentityKey | undefined {
  const exact = FIELD_OF.get(name)
  if (exact !== undefined) return { field: exact, own: true }
  for (const [ending, field] of ENDINGS) if (name.endsWith(ending)) return { field, own: false }
  return undefined
}
