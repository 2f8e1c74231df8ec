/** What staff do with epochs: end one and begin the next, and destroy one that nobody needs any more. Each is on record. */
import { BulkheadError } from '#base/errors.ts'
import type { Epoch } from './epochs.ts'
import type { Asking } from './erasure-port.ts'
import type { EpochVault, Look } from './port.ts'
import type { KeyStore } from './key-store.ts'

export class EpochKeeping implements EpochVault {
  readonly #keys: KeyStore
  readonly #now: () => number
  readonly #record: (look: Look, counts: Record<string, number>) => void

  constructor(parts: { keys: KeyStore; now: () => number; record: (look: Look, counts: Record<string, number>) => void }) {
    this.#keys = parts.keys
    this.#now = parts.now
    this.#record = parts.record
  }

  async rotateEpoch(destination: string, look: Look): Promise<number> {
    this.#record(look, {})
    return this.#keys.epochs.rotate(destination, this.#now())
  }

  async destroyEpoch({ vendor, destination, epoch }: { vendor: string; destination: string; epoch: number }, look: Look): Promise<Epoch> {
    const state = this.#keys.epochs.state(destination, epoch)
    if (state === undefined) throw new BulkheadError('epoch_state_wrong', `${destination} has no epoch ${epoch}`)
    const hold = this.#keys.erasures.holds().find((each) => each.closedAt === null && (each.vendor === null || each.vendor === vendor))
    if (hold !== undefined) throw refusal(destination, epoch, `hold ${hold.id} is open`)
    const jobs = this.#keys.erasures.jobs()
    const isAwaited = (each: Pick<Asking, 'destination' | 'epoch' | 'state'>): boolean =>
      each.destination === destination && each.epoch === epoch && each.state !== 'done'
    const asking = jobs.find((job) => job.deletions.some(isAwaited))
    if (asking !== undefined) throw refusal(destination, epoch, `no answer says that the deletion of erasure ${asking.id} is done`)
    if (this.#keys.leaving.wished().includes(vendor) || this.#keys.leaving.of(vendor).some(isAwaited)) {
      throw refusal(destination, epoch, `${vendor} was left, and no answer says that all that it was sent is deleted`)
    }
    // Whose deletions nobody has worked out yet may turn out to be of this epoch.
    const early = jobs.find(({ step }) => step === 'unlink' || step === 'settle')
    if (early !== undefined) throw refusal(destination, epoch, `erasure ${early.id} is under way`)
    this.#record(look, { epoch })
    this.#keys.epochs.destroy(destination, epoch)
    return { destination, epoch, state: 'destroyed' }
  }
}

function refusal(destination: string, epoch: number, why: string): BulkheadError {
  return new BulkheadError('epoch_needed', `epoch ${epoch} of ${destination} is still needed: ${why}`)
}
