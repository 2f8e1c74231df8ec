/**
 * From how many networks a code was tried within a day. A notice is checked by one person, perhaps from two or three places;
 * one that is tried from many is being sent around. Only codes that were issued are counted, so memory is bounded by what we
 * made ourselves; only keyed hashes are kept. What is counted is written a little later: an answer must not take longer for a
 * code that exists.
 */
import type { KeyObject } from 'node:crypto'
import { DAY_MS } from '#base/clock.ts'
import type { NoticeAlert } from './notice-port.ts'
import type { NoticeRows, UseRow } from './notice-rows.ts'
import { bind, hmac } from './seal.ts'

export const REPLAY_NETWORKS = 5
const NETWORK_BYTES = 8
const WRITE_AFTER_MS = 2000

export class NoticeUses {
  readonly #parts: { key: KeyObject; rows: NoticeRows; transact: (write: () => void) => void; now: () => number }
  /** By code, the networks with the last time of each. */
  readonly #networks = new Map<string, Map<string, number>>()
  #waiting: UseRow[] = []
  #alerts: { code: Buffer; alert: NoticeAlert }[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(parts: { key: KeyObject; rows: NoticeRows; transact: (write: () => void) => void; now: () => number }) {
    this.#parts = parts
    for (const { code, network, at } of parts.rows.usesSince(parts.now() - DAY_MS)) {
      this.#of(Buffer.from(code).toString('hex')).set(Buffer.from(network).toString('hex'), at)
    }
  }

  count(code: Buffer, notice: { incident: number; version: number }, network: string): void {
    const { key, now } = this.#parts
    const name = code.toString('hex')
    const tag = hmac(key, bind(name, network)).subarray(0, NETWORK_BYTES)
    const networks = this.#of(name)
    const at = now()
    for (const [other, last] of networks) if (last <= at - DAY_MS) networks.delete(other)
    const before = networks.size
    // Enough to know: the next ones say nothing more.
    if (before >= REPLAY_NETWORKS && !networks.has(tag.toString('hex'))) return
    networks.set(tag.toString('hex'), at)
    this.#waiting.push({ code, network: tag, at })
    if (networks.size >= REPLAY_NETWORKS && before < REPLAY_NETWORKS) {
      this.#alerts.push({ code, alert: { ...notice, at, networks: networks.size } })
    }
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => this.#writeLater(), WRITE_AFTER_MS)
    this.#timer.unref()
  }

  /** Durable on return. */
  write(): void {
    const { rows, transact, now } = this.#parts
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#waiting.length === 0) return
    const [waiting, alerts] = [this.#waiting, this.#alerts]
    transact(() => {
      for (const use of waiting) rows.putUse(use)
      for (const { code, alert } of alerts) rows.putAlert(code, alert)
      rows.dropUses(now() - DAY_MS)
    })
    this.#waiting = []
    this.#alerts = []
  }

  #writeLater(): void {
    try {
      this.write()
    } catch {
      // On a full disk it waits with the next one; what was counted stays in memory.
    }
  }

  #of(code: string): Map<string, number> {
    let networks = this.#networks.get(code)
    if (networks === undefined) {
      networks = new Map()
      this.#networks.set(code, networks)
    }
    return networks
  }
}
