/** Passports and identity cards that are told by their words, number plates, and chassis numbers. */
import { type IdRule, words } from './id-rules.ts'

const PASSPORT_WORDS =
  /(?<![a-z])(?:e|my|kinder)?(?:passport|pasaporte|passeport|reisepass|passaporto|paszport)|\u092a\u093e\u0938\u092a\u094b\u0930\u094d\u091f|\u62a4\u7167|\u65c5\u5238|\uc5ec\uad8c|\u043f\u0430\u0441\u043f\u043e\u0440\u0442/i
const PLATE_WORDS =
  /(?<![a-z])(?:(?:number|licen[cs]e|registration) ?plate|plate|plaka|kennzeichen|kfz|vehicle|registration|vrm|vrn|matr\u00edcula|immatriculation|targa)(?![a-z])/i

const VIN_VALUES = '0123456789.ABCDEFGH..JKLMN.P.R..STUVWXYZ'
const VIN_WEIGHTS = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2]

/** 49 CFR 565.15: the check character at place nine. Makers outside North America need not set it. */
function isChassisNumber(bare: string): boolean {
  let sum = 0
  for (let i = 0; i < 17; i++) sum += (VIN_VALUES.indexOf(bare[i] as string) % 10) * (VIN_WEIGHTS[i] as number)
  return '0123456789X'[sum % 11] === bare[8]
}

const GERMAN_TOWNS =
  'A|AA|AB|AC|B|BA|BB|BI|BN|BO|BS|C|CE|CO|D|DA|DD|DO|DU|E|EF|ER|ES|F|FB|FD|FF|FL|FN|FR|FS|G|GE|GI|GP|H|HA|HB|HD|HE|HH|HI|HL|HN|HRO|HX|' +
  'IN|J|K|KA|KI|KL|KN|KO|KR|KS|L|LA|LB|LU|M|MA|MD|ME|MG|MH|MI|MK|MR|MS|MTK|MZ|N|NE|NMS|OB|OF|OH|OL|OS|P|PB|PF|PI|R|RE|RO|RT|S|SB|SG|SI|' +
  'SN|SP|ST|STA|SU|TR|TU|TÜ|UL|UN|V|VS|W|WAF|WE|WES|WI|WN|WOB|WÜ|Z'

export const TRAVEL_IDS: readonly IdRule[] = [
  {
    rule: 'passport',
    kind: 'passport',
    shape: /^(?=.*\d.*\d.*\d)[A-Z0-9]{7,9}$/,
    lengths: [7, 8, 9],
    near: 0.85,
    words: PASSPORT_WORDS,
  },
  {
    rule: 'id_card',
    kind: 'national_id',
    shape: /^(?=.*\d.*\d.*\d)[A-Z0-9]{7,10}$/,
    lengths: [7, 8, 9, 10],
    near: 0.8,
    words: words(
      '(?:identity|id) ?card',
      'personalausweis',
      'ausweis(?:nummer|nr)',
      "carta d'identit\u00e0",
      'carte d.identit\u00e9',
      'patente',
      'f\u00fchrerschein',
    ),
  },
  {
    rule: 'vin',
    kind: 'vehicle',
    shape: /^(?=.*[A-HJ-NPR-Z].*[A-HJ-NPR-Z])[A-HJ-NPR-Z0-9]{13}\d{4}$/,
    lengths: [17],
    isValid: isChassisNumber,
    bare: 0.75,
    near: 0.97,
    words: words('vin', 'chassis'),
  },
  {
    rule: 'vin',
    kind: 'vehicle',
    shape: /^[A-HJ-NPR-Z0-9]{13}\d{4}$/,
    lengths: [17],
    near: 0.9,
    words: words('vin', 'chassis', 'fahrgestell\\w*', 'fin'),
  },
  {
    rule: 'uk.plate',
    kind: 'vehicle',
    shape: /^[A-HJ-PR-Y][A-HJ-PR-Y](?:0[2-9]|[12]\d|5[1-9]|[67]\d)[A-HJ-PR-Z]{3}$/,
    lengths: [7],
    groups: ['4-3'],
    grouped: 0.6,
    bare: 0.35,
    near: 0.92,
    words: PLATE_WORDS,
  },
  {
    rule: 'uk.plate',
    kind: 'vehicle',
    shape: /^(?:[A-Z]\d{1,3}[A-Z]{3}|[A-Z]{3}\d{1,3}[A-Z]|[A-Z]{1,3}\d{1,4}|\d{1,4}[A-Z]{1,3})$/,
    lengths: [4, 5, 6, 7],
    near: 0.7,
    words: PLATE_WORDS,
  },
  {
    rule: 'de.plate',
    kind: 'vehicle',
    shape: new RegExp(`^(?:${GERMAN_TOWNS})[A-Z]{1,2}[1-9]\\d{0,3}[EH]?$`),
    isUpperCase: true,
    lengths: [3, 4, 5, 6, 7, 8, 9],
    groups: [
      '1-2-4',
      '1-2-3',
      '1-2-2',
      '2-2-4',
      '2-2-3',
      '2-1-4',
      '2-1-3',
      '3-1-3',
      '3-2-3',
      '3-2-2',
      '1-1-4',
      '1-2-5',
      '2-2-5',
      '1-2-4-1',
      '2-2-4-1',
    ],
    grouped: 0.5,
    near: 0.92,
    words: PLATE_WORDS,
  },
  {
    rule: 'tr.plate',
    kind: 'vehicle',
    shape: /^(?:0[1-9]|[1-7]\d|8[01])(?!JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC|AM|PM)[A-Z]{1,3}\d{2,5}$/,
    isUpperCase: true,
    lengths: [6, 7, 8, 9],
    groups: ['2 3 4', '2 3 3', '2 3 2', '2 2 4', '2 2 3', '2 2 2', '2 1 4', '2 1 5', '2 1 3'],
    grouped: 0.5,
    near: 0.9,
    words: PLATE_WORDS,
  },
  {
    rule: 'ng.plate',
    kind: 'vehicle',
    shape: /^[A-HJ-Z]{3}\d{3}[A-HJ-Z]{2}$/,
    lengths: [8],
    groups: ['3-5', '3-3-2'],
    grouped: 0.6,
    near: 0.9,
    words: PLATE_WORDS,
  },
]
