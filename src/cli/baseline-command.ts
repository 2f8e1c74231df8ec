import { readFileSync, statSync } from 'node:fs'
import { parse } from 'yaml'
import type { BaselineBody, BaselineResult } from '#api/baseline-contract.ts'
import { ROUTES } from '#api/contract.ts'
import { BulkheadError } from '#base/errors.ts'
import { decodeDeclaration } from '#incidents/baseline-statement.ts'
import { type Context, demandReason, printAnswer } from './context.ts'
import { count, table, when } from './render.ts'
import { connect } from './staff-client.ts'

export interface BaselineOptions {
  unknown?: boolean
  none?: boolean
  declare?: string
  reason?: string
}

const DECLARATION_BYTES_MAX = 1 << 20

export async function baselineCommand(context: Context, vendor: string, options: BaselineOptions): Promise<void> {
  const { unknown = false, none = false, declare } = options
  const said = [unknown, none, declare !== undefined].filter(Boolean).length
  if (said > 1) throw new BulkheadError('bad_usage', 'give one of --unknown, --none and --declare FILE')
  const route = `${ROUTES.vendors}/${encodeURIComponent(vendor)}/baseline`
  if (said === 0) {
    printAnswer(context, await connect(context).get<BaselineResult>(route), renderBaseline)
    return
  }
  const reason = demandReason(options.reason)
  const kind = unknown ? 'unknown' : none ? 'none' : 'declared'
  const body: BaselineBody = { kind, reason, ...(declare === undefined ? {} : { declaration: readDeclaration(declare) }) }
  printAnswer(context, await connect(context).post<BaselineResult>(route, body), renderBaseline)
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
          ['rows', `${imported.rows}, of nobody known here ${imported.unmatchedRows}, unreadable ${imported.brokenRows}`],
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
