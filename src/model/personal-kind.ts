/** What a detector can say of a piece of text: the kinds of the outside contract. `rule` of a finding says which one it is. */
export const PERSONAL_KINDS = [
  'email',
  'phone',
  'name',
  'ip',
  'mac',
  'card',
  'iban',
  'national_id',
  'tax_id',
  'passport',
  'vehicle',
  'address',
  'geo',
  'date_of_birth',
  'username',
  'device_id',
  'secret',
  'url_token',
] as const

export type PersonalKind = (typeof PERSONAL_KINDS)[number]
