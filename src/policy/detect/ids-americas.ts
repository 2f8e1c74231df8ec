/** Numbers that states of the Americas give to people. */
import { isDay, isLuhn, weighted } from './checksums.ts'
import { digit, number, type IdRule, words } from './id-rules.ts'

function brazilianCheck(digits: string, weights: readonly number[]): number {
  const rest = weighted(digits, weights) % 11
  return rest < 2 ? 0 : 11 - rest
}

const isCpf = (bare: string): boolean =>
  !/^(\d)\1+$/.test(bare) &&
  brazilianCheck(bare, [10, 9, 8, 7, 6, 5, 4, 3, 2]) === digit(bare, 9) &&
  brazilianCheck(bare, [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]) === digit(bare, 10)

const isCnpj = (bare: string): boolean =>
  !/^(\d)\1+$/.test(bare) &&
  brazilianCheck(bare, [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) === digit(bare, 12) &&
  brazilianCheck(bare, [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) === digit(bare, 13)

function isRut(bare: string): boolean {
  let sum = 0
  for (let i = bare.length - 2, weight = 2; i >= 0; i--, weight = weight === 7 ? 2 : weight + 1) sum += digit(bare, i) * weight
  return '0K987654321'[sum % 11] === bare.at(-1)
}

function isCurp(bare: string): boolean {
  if (!isDay(number(bare, 4, 2), number(bare, 6, 2), number(bare, 8, 2))) return false
  const letters = '0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ'
  let sum = 0
  for (let i = 0; i < 17; i++) sum += letters.indexOf(bare[i] as string) * (18 - i)
  return (10 - (sum % 10)) % 10 === digit(bare, 17)
}

const isSocialSecurity = (bare: string): boolean => !/^(?:000|666|9)|^.{3}00|0000$/.test(bare) && !/^(\d)\1+$/.test(bare)

export const AMERICAN_IDS: readonly IdRule[] = [
  {
    rule: 'us.ssn',
    kind: 'national_id',
    shape: /^\d{9}$/,
    lengths: [9],
    isValid: isSocialSecurity,
    groups: ['3-2-4', '3.2.4'],
    grouped: 0.85,
    near: 0.93,
    words: words('ssn', 'ss#', 'social security', 'social'),
  },
  {
    rule: 'us.itin',
    kind: 'tax_id',
    shape: /^9\d{2}(?:5\d|6[0-5]|7\d|8[0-8]|9[0-24-9])\d{4}$/,
    lengths: [9],
    groups: ['3-2-4'],
    grouped: 0.8,
    near: 0.92,
    words: words('itin', 'individual taxpayer', 'taxpayer'),
  },
  {
    rule: 'us.ein',
    kind: 'tax_id',
    shape: /^\d{9}$/,
    lengths: [9],
    groups: ['2-7'],
    near: 0.85,
    words: words('ein', 'fein', 'employer id\\w*'),
  },
  {
    rule: 'us.mbi',
    kind: 'national_id',
    shape: /^[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y]{2}\d{2}$/,
    lengths: [11],
    groups: ['4-3-4'],
    grouped: 0.9,
    bare: 0.6,
    near: 0.95,
    words: words('mbi', 'medicare', 'beneficiary'),
  },
  {
    rule: 'us.npi',
    kind: 'national_id',
    shape: /^[12]\d{9}$/,
    lengths: [10],
    isValid: (bare) => isLuhn(`80840${bare}`),
    near: 0.9,
    words: words('npi', 'provider'),
  },
  {
    rule: 'us.passport',
    kind: 'passport',
    shape: /^[A-Z]?\d{8,9}$/,
    lengths: [9],
    near: 0.85,
    words: words('passport(?:no)?', 'travel document'),
  },
  {
    rule: 'us.driver_license',
    kind: 'national_id',
    shape: /^(?:[A-Z]\d{3,12}|[A-Z]{2}\d{3,7}|\d{7,9}|[A-Z]\d{2}[A-Z]\d{4,6})$/,
    lengths: [7, 8, 9, 10, 11, 12, 13],
    near: 0.8,
    words: words("driver'?s?(?: licen[cs]e)?", 'dl(?: no)?', 'driver permit'),
  },
  {
    rule: 'ca.sin',
    kind: 'national_id',
    shape: /^[1-79]\d{8}$/,
    lengths: [9],
    isValid: isLuhn,
    groups: ['3-3-3'],
    grouped: 0.5,
    near: 0.95,
    words: words('sin', 'social insurance', 'nas'),
  },
  {
    rule: 'br.cpf',
    kind: 'national_id',
    shape: /^\d{11}$/,
    lengths: [11],
    isValid: isCpf,
    groups: ['3.3.3-2', '3-3-3-2'],
    grouped: 0.97,
    bare: 0.45,
    near: 0.97,
    words: words('cpf'),
  },
  {
    rule: 'br.cnpj',
    kind: 'tax_id',
    shape: /^\d{14}$/,
    lengths: [14],
    isValid: isCnpj,
    groups: ['2.3.3/4-2'],
    grouped: 0.97,
    bare: 0.4,
    near: 0.97,
    words: words('cnpj'),
  },
  {
    rule: 'mx.curp',
    kind: 'national_id',
    shape: /^[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d$/,
    lengths: [18],
    isValid: isCurp,
    bare: 0.95,
    words: words('curp'),
  },
  {
    rule: 'mx.rfc',
    kind: 'tax_id',
    shape: /^[A-Z]{4}\d{6}[A-Z0-9]{2}[0-9A]$/,
    lengths: [13],
    isValid: (bare) => isDay(number(bare, 4, 2), number(bare, 6, 2), number(bare, 8, 2)),
    groups: ['4-6-3'],
    grouped: 0.85,
    bare: 0.65,
    near: 0.95,
    words: words('rfc'),
  },
  {
    rule: 'ar.cuit',
    kind: 'tax_id',
    shape: /^(?:2[03-7]|3[034])\d{9}$/,
    lengths: [11],
    isValid: (bare) => (11 - (weighted(bare, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11)) % 11 === digit(bare, 10),
    groups: ['2-8-1'],
    grouped: 0.92,
    near: 0.95,
    words: words('cui[tl]'),
  },
  {
    rule: 'cl.rut',
    kind: 'national_id',
    shape: /^\d{7,8}[\dK]$/,
    lengths: [8, 9],
    isValid: isRut,
    groups: ['2.3.3-1', '1.3.3-1'],
    grouped: 0.95,
    near: 0.93,
    words: words('ru[tn]'),
  },
  {
    rule: 'co.nit',
    kind: 'tax_id',
    shape: /^\d{10}$/,
    lengths: [10],
    near: 0.8,
    words: words('nit'),
  },
]
