/** What the columns of a leaked data set are, by their names and by what a person said of them. */
import { BulkheadError } from '#base/errors.ts'
import { isField, isKnownField, type KnownField } from '#model/field.ts'
import { identityKeyOf } from '#policy/policy.ts'

/**
 * `id` and `group`: somebody's identifier, a pseudonym or as it was before. `any`: looked at value by value, as everything is in
 * which a pseudonym or an address may stand. `aside`: made for each event, or by machines.
 */
export type ColumnUse = 'id' | 'group' | 'email' | 'phone' | 'name' | 'first_name' | 'last_name' | 'time' | 'any' | 'aside'

export interface ColumnMeaning {
  use: ColumnUse
  /** What it would be in the ledger; undefined: no field of ours, a property at most. */
  field: KnownField | undefined
  /** Every row has it, whatever was granted: it tells nothing of what was sent. */
  isCarried: boolean
}

export interface ColumnNaming {
  /** Column → field, as `--map` says. */
  mapped: ReadonlyMap<string, string>
  /** What the vendor's protocol calls it. */
  fieldOfKey(key: string): KnownField | undefined
  /** Keys under which groups are sent. */
  groupKeys: ReadonlySet<string>
}

const TIMES: ReadonlySet<string> = new Set(['time', 'timestamp', 'eventtime', 'datetime', 'date', 'occurredat', 'eventtimestamp', 'ts'])
const IDS: ReadonlySet<string> = new Set([
  'id',
  'user',
  'userid',
  'distinctid',
  'customerid',
  'uid',
  'anonymousid',
  'deviceid',
  'profileid',
])
const GROUPS: ReadonlySet<string> = new Set([
  'group',
  'groupid',
  'company',
  'companyid',
  'organization',
  'organizationid',
  'organisation',
  'organisationid',
  'orgid',
  'org',
  'accountid',
  'teamid',
  'workspaceid',
  'tenantid',
])
/** Maps, since whoever writes the file chooses the names, and a column may be called `constructor`. */
const OTHERS: ReadonlyMap<string, KnownField> = new Map(
  Object.entries({
    city: 'city',
    region: 'region',
    state: 'region',
    country: 'country',
    countrycode: 'country',
    os: 'os',
    operatingsystem: 'os',
    browser: 'browser',
    browserversion: 'browser_version',
    device: 'device',
    referrer: 'referrer',
    referer: 'referrer',
    referringsite: 'referrer',
    url: 'url',
    useragent: 'user_agent',
    timezone: 'timezone',
  } satisfies Record<string, KnownField>),
)
const OWN_USES: Partial<Record<KnownField, ColumnUse>> = {
  user_id: 'id',
  device_id: 'id',
  group_id: 'group',
  email: 'email',
  phone: 'phone',
  name: 'name',
  first_name: 'first_name',
  last_name: 'last_name',
  time: 'time',
  insert_id: 'aside',
  session_id: 'aside',
  click_id: 'aside',
  technical: 'aside',
}
const CARRIED: ReadonlySet<KnownField> = new Set(['time', 'event', 'insert_id', 'technical'])

export function meaningOf(column: string, { mapped, fieldOfKey, groupKeys }: ColumnNaming): ColumnMeaning {
  const said = mapped.get(column)
  if (said === 'ignore') return { use: 'aside', field: undefined, isCarried: true }
  if (said !== undefined) return asField(isKnownField(said) ? said : undefined)
  const word = column.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '')
  if (groupKeys.has(column) || column === '$group_id') return asField('group_id')
  if (TIMES.has(word) && !column.startsWith('mp_')) return asField('time')
  const known = fieldOfKey(column)
  if (known !== undefined) return asField(known)
  if (IDS.has(word)) return asField('user_id')
  if (GROUPS.has(word)) return asField('group_id')
  return asField(identityKeyOf(column)?.field ?? OTHERS.get(word))
}

function asField(field: KnownField | undefined): ColumnMeaning {
  return { use: (field && OWN_USES[field]) ?? 'any', field, isCarried: field !== undefined && CARRIED.has(field) }
}

/** `column=field`. Throws `bad_usage`. */
export function decodeMapping(texts: readonly string[]): Map<string, string> {
  return new Map(
    texts.map((text) => {
      const at = text.lastIndexOf('=')
      const [column, field] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)]
      if (column === '' || (field !== 'ignore' && !isField(field))) {
        throw new BulkheadError(
          'bad_usage',
          `--map ${JSON.stringify(text.slice(0, 80))} is not COLUMN=FIELD, with a field like email or ignore`,
        )
      }
      return [column, field]
    }),
  )
}

/** A mistyped name would say that nobody is in the file. `names`: all columns that it has. Throws `bad_usage`. */
function assertMapped({ mapped }: Pick<ColumnNaming, 'mapped'>, names: readonly string[]): void {
  const known = new Set(names)
  const missing = [...mapped.keys()].find((column) => !known.has(column))
  if (missing === undefined) return
  throw new BulkheadError('bad_usage', `--map: the file has no column ${JSON.stringify(missing.slice(0, 80))}; nothing was taken from it`)
}

/** What was read as something that it is not must not stand in the record as a file that names nobody. Throws `leak_file_invalid` too. */
export function assertRead(
  { rows, malformed, format }: { rows: number; malformed: number; format: string },
  naming: Pick<ColumnNaming, 'mapped'>,
  names: readonly string[],
): void {
  if (rows === 0) throw new BulkheadError('leak_file_invalid', `the file holds no rows that can be read as ${format}`)
  if (malformed === rows) throw new BulkheadError('leak_file_invalid', `none of its ${rows} rows can be read as ${format}`)
  assertMapped(naming, names)
}
