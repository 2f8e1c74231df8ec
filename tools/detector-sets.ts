/** Labelled material in a folder: open sets by the shape of their lines, and plain NDJSON. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { PERSONAL_KINDS, type PersonalKind } from '#model/personal-kind.ts'

export interface Labelled {
  set: string
  group: string
  text: string
  key?: string
  /** Where values stand and what they may be called. None: nothing personal stands here. */
  spans: { start: number; end: number; kinds: readonly PersonalKind[] }[]
}

/** Entities of the Presidio tests in our words. Those that are left out are nothing that we look for. */
const ENTITIES: Readonly<Record<string, readonly PersonalKind[]>> = {
  ...all(
    'national_id',
    'AU_MEDICARE CA_SIN DE_HEALTH_INSURANCE DE_ID_CARD DE_SOCIAL_SECURITY DE_LANR DE_BSNR DE_FUEHRERSCHEIN ES_NIE ES_NIF',
  ),
  ...all(
    'national_id',
    'FI_PERSONAL_IDENTITY_CODE IN_AADHAAR IN_VOTER IT_DRIVER_LICENSE IT_FISCAL_CODE IT_IDENTITY_CARD KR_DRIVER_LICENSE',
  ),
  ...all(
    'national_id',
    'KR_FRN KR_RRN NG_NIN PL_PESEL SE_PERSONNUMMER SG_NRIC_FIN TH_TNIN TR_NATIONAL_ID UK_DRIVING_LICENCE UK_NHS UK_NINO',
  ),
  ...all('national_id', 'US_DRIVER_LICENSE US_MBI US_NPI US_SSN ZA_ID_NUMBER'),
  ...all(
    'tax_id',
    'AU_ABN AU_ACN AU_TFN DE_TAX_ID DE_TAX_NUMBER DE_VAT_ID IN_GSTIN IN_PAN IT_VAT_CODE KR_BRN PH_TIN SE_ORGANISATIONSNUMMER SG_UEN US_ITIN',
  ),
  ...all('passport', 'DE_PASSPORT ES_PASSPORT IN_PASSPORT IT_PASSPORT KR_PASSPORT UK_PASSPORT US_PASSPORT'),
  ...all('vehicle', 'DE_KFZ IN_VEHICLE_REGISTRATION NG_VEHICLE_REGISTRATION TR_LICENSE_PLATE UK_VEHICLE_REGISTRATION'),
  ...all('phone', 'PHONE_NUMBER PH_MOBILE_NUMBER TR_PHONE_NUMBER'),
  ...all('card', 'CREDIT_CARD'),
  ...all('iban', 'IBAN_CODE'),
  ...all('ip', 'IP_ADDRESS'),
  ...all('mac', 'MAC_ADDRESS'),
  ...all('email', 'EMAIL_ADDRESS'),
  ...all('address', 'UK_POSTCODE DE_PLZ'),
}

function all(kind: PersonalKind, entities: string): Record<string, readonly PersonalKind[]> {
  return Object.fromEntries(entities.split(' ').map((entity) => [entity, [kind]]))
}

const COMMON: Readonly<Record<string, readonly PersonalKind[]>> = {
  Phones: ['phone'],
  PhonesWithExts: ['phone'],
  Emails: ['email'],
  IPs: ['ip'],
  IPv6s: ['ip'],
  CreditCards: ['card'],
  StreetAddresses: ['address'],
  PoBoxes: ['address'],
  ZipCodes: ['address'],
  SSN: ['national_id'],
  Prices: [],
  HexColors: [],
  Times: [],
  Links: [],
}

type Line = Record<string, unknown>

export function* labelledIn(folder: string): Generator<Labelled> {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
    const file = path.join(folder, name)
    if (!/\.(?:jsonl|ndjson)$/.test(name) || !statSync(file).isFile()) continue
    const set = path.dirname(name) === '.' ? name : path.dirname(name)
    for (const text of readFileSync(file, 'utf8').split('\n')) {
      const line = parse(text)
      if (line === undefined) continue
      const labelled = ofLine(line, name)
      if (labelled !== undefined) yield { set, ...labelled }
    }
  }
}

function parse(text: string): Line | undefined {
  try {
    const line: unknown = text.trim() === '' ? undefined : JSON.parse(text)
    return typeof line === 'object' && line !== null ? (line as Line) : undefined
  } catch {
    return undefined
  }
}

function ofLine(line: Line, file: string): Omit<Labelled, 'set'> | undefined {
  if (typeof line.address === 'string' && typeof line.category === 'string') return ofMailTest(line)
  if (typeof line.international === 'string') return whole(`example of a ${String(line.type)} number`, line.international, ['phone'])
  if (typeof line.text !== 'string') return undefined
  if (Array.isArray(line.entities)) return ofPresidio(line)
  if (typeof line.match === 'boolean') return ofCommonRegex(line)
  if (Array.isArray(line.spans)) return ofSpans(line, file)
  return typeof line.kind === 'string' && isKind(line.kind) ? { ...whole(line.kind, line.text, [line.kind]), ...keyOf(line) } : undefined
}

function isKind(kind: unknown): kind is PersonalKind {
  return (PERSONAL_KINDS as readonly unknown[]).includes(kind)
}

function keyOf(line: Line): { key?: string } {
  return typeof line.key === 'string' ? { key: line.key } : {}
}

function whole(group: string, text: string, kinds: readonly PersonalKind[]): Omit<Labelled, 'set'> {
  return { group, text, spans: [{ start: 0, end: text.length, kinds }] }
}

function ofSpans(line: Line, file: string): Omit<Labelled, 'set'> {
  const spans = (line.spans as Line[]).map(({ start, end, kind }) => ({
    start: Number(start),
    end: Number(end),
    kinds: isKind(kind) ? [kind] : [],
  }))
  const group = spans.length === 0 ? `${path.basename(file)}, nobody's` : (spans[0]?.kinds[0] ?? 'unknown')
  return { group, text: String(line.text), ...keyOf(line), spans }
}

function ofPresidio(line: Line): Omit<Labelled, 'set'> | undefined {
  const [entity] = line.entities as string[]
  const kinds = ENTITIES[entity ?? '']
  if (line.kind !== 'detect' || kinds === undefined) return undefined
  const places = (line.expected_positions ?? line.expected_res ?? []) as [number, number][]
  const text = String(line.text)
  const count = Number(line.expected_count)
  const spans =
    count === 0 ? [] : places.length > 0 ? places.map(([start, end]) => ({ start, end, kinds })) : [{ start: 0, end: text.length, kinds }]
  return { group: String(entity), text, spans }
}

function ofCommonRegex(line: Line): Omit<Labelled, 'set'> | undefined {
  const kinds = COMMON[String(line.type)]
  if (kinds === undefined) return undefined
  return kinds.length > 0 && line.match === true
    ? whole(String(line.type), String(line.text), kinds)
    : { group: String(line.type), text: String(line.text), spans: [] }
}

/** Addresses that are valid as they stand and that a mail program could reach: with a domain that has a dot. */
function ofMailTest(line: Line): Omit<Labelled, 'set'> | undefined {
  const text = String(line.address)
  if (line.diagnosis !== 'ISEMAIL_VALID' || !/@[^@]*\.[^@]*$/.test(text)) return undefined
  return whole('valid addresses', text, ['email'])
}
