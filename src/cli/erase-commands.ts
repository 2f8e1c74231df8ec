/** `erase`, `hold`, `keys`, and the epochs of vendors. All of them need a running Bulkhead. */
import { ROUTES } from '#api/contract.ts'
import type {
  DestroyEpochResult,
  EraseResult,
  HoldList,
  HoldResult,
  KeysRotateResult,
  KeysShowResult,
  RotateResult,
} from '#api/erase-contract.ts'
import { BulkheadError } from '#base/errors.ts'
import { type Context, demandReason, printAnswer } from './context.ts'
import { count } from './render.ts'
import { connect, RefusedError } from './staff-client.ts'

/** Prints what is on record also when the erasure has to wait, and then throws why. */
export async function eraseCommand(context: Context, query: string, options: { reason?: string; suppress?: boolean }): Promise<void> {
  const reason = demandReason(options.reason)
  const client = connect(context)
  try {
    const answer = await client.post<EraseResult>(ROUTES.erase, { query, reason, suppress: options.suppress === true })
    printAnswer(context, answer, renderErased)
  } catch (thrown) {
    const begun = thrown instanceof RefusedError ? (thrown.answer.result as EraseResult | undefined) : undefined
    if (begun !== undefined) printAnswer(context, begun, renderErased)
    throw thrown
  }
}

function renderErased({ subject, erasure, erasedAt, finalAt, vendorsAsked, others }: EraseResult): string {
  const vendors = vendorsAsked.map(({ vendor, destination, epoch, state, why, identifiers }) => {
    const what = `${vendor}/${destination}, epoch ${epoch}, ${count(identifiers, 'identifier')}`
    return state === 'asked' ? `  ${what}: asked to delete` : `  ${what}: deletion is due${why === undefined ? '' : ` (${why})`}`
  })
  return [
    erasedAt === null
      ? `Erasure ${erasure} of ${subject} is on record and not done yet.`
      : `Erased ${subject} at ${erasedAt}: unreadable now, final on ${(finalAt ?? erasedAt).slice(0, 10)}.`,
    ...(vendors.length === 0 && erasedAt !== null ? ['No vendor was sent anything of theirs through Bulkhead.'] : vendors),
    ...(others > 0
      ? [`${count(others, 'other person', 'other people')} with the same address or id remain; erase again to take the next one.`]
      : []),
  ].join('\n')
}

export async function openHoldCommand(context: Context, options: { reason?: string; vendor?: string }): Promise<void> {
  const reason = demandReason(options.reason)
  const vendor = options.vendor === undefined ? {} : { vendor: options.vendor }
  printAnswer(context, await connect(context).post<HoldResult>(ROUTES.holds, { reason, ...vendor }), renderHold)
}

export async function closeHoldCommand(context: Context, id: number, options: { reason?: string }): Promise<void> {
  const reason = demandReason(options.reason)
  printAnswer(context, await connect(context).post<HoldResult>(`${ROUTES.holds}/${id}/close`, { reason }), renderHold)
}

export async function listHoldsCommand(context: Context): Promise<void> {
  const answer = await connect(context).get<HoldList>(ROUTES.holds)
  printAnswer(context, answer, ({ holds }) => (holds.length === 0 ? 'Nothing is held.' : holds.map(renderHold).join('\n')))
}

function renderHold({ id, openedAt, closedAt, vendor, reason }: HoldResult): string {
  const what = vendor === null ? 'erasures and all epochs' : `erasures and the epochs of ${vendor}`
  return `hold ${id}: ${what} since ${openedAt}${closedAt === null ? '' : `, closed ${closedAt}`}: ${reason}`
}

export async function showKeysCommand(context: Context): Promise<void> {
  printAnswer(context, await connect(context).get<KeysShowResult>(ROUTES.keys), ({ folder, wrap, rootRotatedAt, rotating, backups }) =>
    [
      `keys in ${folder}; the root key is wrapped by ${wrap === 'file' ? 'the file kek there' : 'the key service'}`,
      `root key ${rotating ? 'is being rotated' : `rotated ${rootRotatedAt ?? 'nobody knows when'}`}`,
      ...backups.map(({ at, dir }) => `copy of ${at}: ${dir}`),
    ].join('\n'),
  )
}

export async function rotateKeysCommand(context: Context, what: string, options: { reason?: string }): Promise<void> {
  if (what !== 'root' && what !== 'kek') throw new BulkheadError('bad_usage', 'keys rotate takes root or kek')
  const reason = demandReason(options.reason)
  const answer = await connect(context).post<KeysRotateResult>(`${ROUTES.keys}/rotate`, { what, reason })
  printAnswer(context, answer, ({ wrapped, rotatedAt }) => `${what} key rotated at ${rotatedAt}: ${count(wrapped, 'key')} wrapped anew.`)
}

export async function rotateVendorCommand(
  context: Context,
  vendor: string,
  options: { reason?: string; destination?: string },
): Promise<void> {
  const reason = options.reason?.trim() || 'vendor rotate'
  const destination = options.destination === undefined ? {} : { destination: options.destination }
  const route = `${ROUTES.vendors}/${encodeURIComponent(vendor)}/rotate`
  const answer = await connect(context).post<RotateResult>(route, { reason, ...destination })
  printAnswer(context, answer, ({ destinations }) =>
    destinations
      .map((each) => `${each.destination}: epoch ${each.epoch} from now on; the one before makes no identifier any more.`)
      .join('\n'),
  )
}

export async function destroyEpochCommand(
  context: Context,
  of: { vendor: string; epoch: number },
  options: { reason?: string; destination?: string },
): Promise<void> {
  const reason = demandReason(options.reason)
  const destination = options.destination ?? of.vendor
  if (!Number.isSafeInteger(of.epoch) || of.epoch < 1) throw new BulkheadError('bad_usage', 'an epoch is a number from 1')
  const route = `${ROUTES.vendors}/${encodeURIComponent(of.vendor)}/destroy-epoch`
  const answer = await connect(context).post<DestroyEpochResult>(route, { reason, destination, epoch: of.epoch })
  printAnswer(
    context,
    answer,
    ({ epoch }) => `${destination}: epoch ${epoch} is destroyed. Nobody can say any more whom its identifiers named.`,
  )
}
