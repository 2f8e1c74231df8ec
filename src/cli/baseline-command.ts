import { createHash } from 'node:crypto'
import { createReadStream, readFileSync, statSync } from 'node:fs'
import { parse } from 'yaml'
import type { BaselineBody, BaselineImportClaims, BaselineResult } from '#api/baseline-contract.ts'
import { ROUTES } from '#api/contract.ts'
import { CLAIMS_HEADER } from '#api/incident-contract.ts'
import { BulkheadError } from '#base/errors.ts'
import { decodeMapping } from '#incidents/match-columns.ts'
import { decodeDeclaration } from '#incidents/baseline-statement.ts'
import { type Context, demandReason, printAnswer } from './context.ts'
import { count, table, when } from './render.ts'
import { connect } from './staff-client.ts'

export interface BaselineOptions {
  unknown?: boolean
  none?: boolean
  declare?: string
  import?: string
  complete?: boolean
  saidBy?: string
  surface?: string[]
  format?: string
  map?: string[]
  reason?: string
}

const DECLARATION_BYTES_MAX = 1 << 20

export async function baselineCommand(context: Context, vendor: string, options: BaselineOptions): Promise<void> {
  const { unknown = false, none = false, declare } = options
  const said = [unknown, none, declare !== undefined, options.import !== undefined].filter(Boolean).length
  if (said > 1) throw new BulkheadError('bad_usage', 'give one of --unknown, --none, --declare FILE and --import FILE')
  const { complete, saidBy, surface, format, map } = options
  const ofImport = [complete, saidBy, surface, format, map].some((option) => option !== undefined)
  if (ofImport && options.import === undefined)
    throw new BulkheadError('bad_usage', '--complete, --said-by, --surface, --format and --map go with --import FILE')
  const route = `${ROUTES.vendors}/${encodeURIComponent(vendor)}/baseline`
  if (said === 0) {
    printAnswer(context, await connect(context).get<BaselineResult>(route), renderBaseline)
    return
  }
  const reason = demandReason(options.reason)
  if (options.import !== undefined) {
    printAnswer(context, await importFile(context, `${route}/import`, options.import, { ...options, reason }), renderBaseline)
    return
  }
  const kind = unknown ? 'unknown' : none ? 'none' : 'declared'
  const body: BaselineBody = { kind, reason, ...(declare === undefined ? {} : { declaration: readDeclaration(declare) }) }
  printAnswer(context, await connect(context).post<BaselineResult>(route, body), renderBaseline)
}

/** Read twice: first for its hash, which is on record before anybody in it is looked for. */
async function importFile(
  context: Context,
  route: string,
  file: string,
  options: BaselineOptions & { reason: string },
): Promise<BaselineResult> {
  const { complete = false, saidBy, surface, format, map, reason } = options
  if (format !== undefined && format !== 'csv' && format !== 'json' && format !== 'ndjson')
    throw new BulkheadError('bad_usage', '--format is none of csv, json, ndjson')
  decodeMapping(map ?? [])
  const client = connect(context)
  const claims: BaselineImportClaims = {
    reason,
    sha256: await hashOf(file),
    complete,
    ...(saidBy === undefined ? {} : { saidBy }),
    ...(surface === undefined ? {} : { surfaces: surface }),
    ...(format === undefined ? {} : { format }),
    ...(map === undefined ? {} : { map }),
  }
  const header = Buffer.from(JSON.stringify(claims)).toString('base64url')
  return client.upload<BaselineResult>(route, createReadStream(file), { [CLAIMS_HEADER]: header })
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    // It is read twice, and a pipe may never end.
    if (!statSync(file).isFile()) throw new BulkheadError('baseline_invalid', `${file} is no file`)
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
  } catch (thrown) {
    if (thrown instanceof BulkheadError) throw thrown
    throw new BulkheadError('baseline_invalid', `${file} cannot be read (${(thrown as NodeJS.ErrnoException).code ?? 'unknown'})`)
  }
  return hash.digest('hex')
}

/** Read here, so that a mistake is told before anything is asked. */
function readDeclaration(file: string): unknown {
  let value: unknown
  try {
    if (statSync(file).size > DECLARATION_BYTES_MAX) throw new BulkheadError('baseline_invalid', `${file} is larger than 1 MB`)
    value = parse(readFileSync(file, 'utf8'), { maxAliasCount: 0 })
  } catch (thrown) {
    if (thrown instanceof BulkheadError) throw thrown
    const code = (thrown as NodeJS.ErrnoException).code
    throw new BulkheadError(
      'baseline_invalid',
      `${file} ${typeof code === 'string' && code.startsWith('E') ? `cannot be read (${code})` : 'is no YAML'}`,
    )
  }
  decodeDeclaration(value)
  return value
}

function renderBaseline({ vendor, baseline, history }: BaselineResult): string {
  const { kind, saidAt, saidBy, fields, surfaces, from, to, people, import: imported } = baseline
  const rows = [
    ...(saidBy === '' ? [] : [['on the word of', saidBy]]),
    ...(people === null ? [] : [['people', people.toLocaleString('en-US')]]),
    ...(from === null && to === null ? [] : [['time', `${from === null ? 'open' : when(from)} to ${to === null ? 'open' : when(to)}`]]),
    ...(surfaces.length === 0 ? [] : [['surfaces', surfaces.join(', ')]]),
    ...(fields.length === 0 ? [] : [['fields', fields.map(({ field, form }) => `${field} (${form})`).join(', ')]]),
    ...(imported === null
      ? []
      : [
          [
            'rows',
            `${imported.rows}: of nobody known here ${imported.unmatchedRows}, unreadable ${imported.brokenRows}, ` +
              `sent through us ${imported.throughBulkhead}`,
          ],
          ['complete', imported.complete ? 'yes, as was said' : 'nobody said so'],
          ['sha256', imported.sha256],
        ]),
  ]
  const words = { unknown: 'is unknown', none: 'was nothing', declared: 'is declared', imported: 'is imported' }
  return [
    `What ${vendor} held before Bulkhead ${words[kind]}${saidAt === null ? '' : `, as said at ${when(saidAt)}`}.`,
    ...(rows.length === 0 ? [] : [table(rows, '  ')]),
    ...(history.length < 2
      ? []
      : [
          '',
          'Said so far',
          table(
            history.map((said) => [when(said.saidAt ?? ''), said.kind, said.actor ?? '', said.reason ?? '']),
            '  ',
          ),
        ]),
    ...(history.length < 2 ? [] : [`  ${count(history.length, 'statement')}; the last one counts.`]),
  ].join('\n')
}
