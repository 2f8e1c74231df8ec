/** Which gaps of the ledger somebody has acknowledged: in the key folder, so that an older copy of the data does not forget it. */
import { BulkheadError } from '#base/errors.ts'
import type { KeyStore } from './key-store.ts'
import { checkLook, type Looks } from './looks.ts'
import type { Look } from './port.ts'

/** Stands plain, for a doctor with nothing running. */
export const GAPS_ACKNOWLEDGED = 'gaps-acknowledged'

export interface GapVault {
  /** `origin`: the one that the gap opened. The look first. */
  acknowledgeGap(origin: string, look: Look): Promise<void>
}

export class GapBook implements GapVault {
  readonly #parts: { keys: Pick<KeyStore, 'meta' | 'setMeta'>; looks: Looks; now: () => number }

  constructor(parts: { keys: Pick<KeyStore, 'meta' | 'setMeta'>; looks: Looks; now: () => number }) {
    this.#parts = parts
  }

  get acknowledged(): string[] {
    const text = this.#parts.keys.meta(GAPS_ACKNOWLEDGED)
    return typeof text === 'string' ? (JSON.parse(text) as string[]) : []
  }

  async acknowledgeGap(origin: string, look: Look): Promise<void> {
    const { keys, looks, now } = this.#parts
    checkLook(look)
    if (!/^[0-9a-f-]{36}$/.test(origin)) throw new BulkheadError('vault_refused', 'this names no gap of the ledger')
    const { actor, action, reason } = look
    looks.append({ at: now(), actor, action, reason, counts: {} })
    keys.setMeta(GAPS_ACKNOWLEDGED, JSON.stringify([...new Set([...this.acknowledged, origin])]))
  }
}
