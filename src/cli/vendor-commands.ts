import { ROUTES, type VendorCut, type VendorList, type VendorRestore, type VendorShow } from '#api/contract.ts'
import { BulkheadError } from '#base/errors.ts'
import { unfencedError } from '#vendors/cut.ts'
import { type Context, printAnswer } from './context.ts'
import { cutDirectly, findInstance, restoreDirectly } from './direct-flow.ts'
import { renderCut, renderRestore, renderVendor, renderVendors } from './render.ts'
import { answersWithin, connect, givenCredential, openClient, RefusedError } from './staff-client.ts'

/** How long a running Bulkhead may stay silent before a cut goes round it. */
const SILENT_MS = 3000
/** A cut through the API takes two seconds for the fence and five for a kill at most. */
const CUT_MS = 15_000

export async function listVendors(context: Context): Promise<void> {
  printAnswer(context, await connect(context).get<VendorList>(ROUTES.vendors), renderVendors)
}

export async function showVendor(context: Context, vendor: string): Promise<void> {
  printAnswer(context, await connect(context).get<VendorShow>(`${ROUTES.vendors}/${encodeURIComponent(vendor)}`), renderVendor)
}

/** Prints the result also when a worker could not be fenced, and then throws `vendor_unfenced`. */
export async function cutVendorCommand(context: Context, vendor: string, reason: string): Promise<void> {
  const { instance, consoleUrl } = findInstance(context.dataDir, context.env)
  const isAnswering = consoleUrl !== undefined && (await answersWithin(consoleUrl, SILENT_MS))
  let result: VendorCut | undefined
  if (isAnswering) {
    try {
      const route = `${ROUTES.vendors}/${encodeURIComponent(vendor)}/cut`
      result = await openClient(consoleUrl, instance, context).post<VendorCut>(route, { reason }, CUT_MS)
    } catch (thrown) {
      result = resultBesideError(thrown)
      // A refusal is an answer; only silence is gone round.
      if (result === undefined && thrown instanceof RefusedError && thrown.code !== 'internal') throw thrown
    }
  }
  if (result === undefined) {
    if (consoleUrl !== undefined)
      context.err('Bulkhead runs but its staff API does not answer: ending its worker and writing the cut directly.\n')
    result = await cutDirectly(instance, { vendor, reason, credential: credentialIfAny(context) })
  }
  printAnswer(context, result, renderCut)
  if (result.unfenced.length > 0) throw unfencedError(result)
}

/** A cut that goes round everything does not wait for the right file either; whose it was then stands as `break-glass`. */
function credentialIfAny(context: Context): string | undefined {
  try {
    return givenCredential(context)
  } catch {
    return ''
  }
}

function resultBesideError(thrown: unknown): VendorCut | undefined {
  return thrown instanceof RefusedError && thrown.code === 'vendor_unfenced' ? (thrown.answer.result as VendorCut | undefined) : undefined
}

export async function restoreVendorCommand(context: Context, vendor: string, reason: string): Promise<void> {
  const { instance, consoleUrl } = findInstance(context.dataDir, context.env)
  if (consoleUrl === undefined) {
    const restored = await restoreDirectly(instance, { vendor, reason, credential: givenCredential(context) })
    printAnswer<VendorRestore>(context, restored, renderRestore)
    return
  }
  // Opening a flow is never urgent enough to go round a process that does not answer.
  if (!(await answersWithin(consoleUrl, SILENT_MS))) {
    throw new BulkheadError('not_running', 'Bulkhead runs but its staff API does not answer', {
      hint: 'Stop it or wait, then run the same command again.',
    })
  }
  const route = `${ROUTES.vendors}/${encodeURIComponent(vendor)}/restore`
  printAnswer(context, await openClient(consoleUrl, instance, context).post<VendorRestore>(route, { reason }), renderRestore)
}
