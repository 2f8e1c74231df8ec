/** What the vault does for incidents: it seals what people wrote, and signs each row when who and why are on record. */
import type { KeyObject } from 'node:crypto'
import { BulkheadError } from '#base/errors.ts'
import { type IncidentRow, type IncidentRowHead, incidentRowBytes, sealedHash } from '#model/incident-row.ts'
import { checkLook, type Looks } from './looks.ts'
import type { KeyStore } from './key-store.ts'
import type { IncidentTexts, Look, SignalVault } from './port.ts'
import { bind, open, seal } from './seal.ts'

const TEXTS_BYTES_MAX = 64 * 1024
const BODY_BYTES_MAX = 256 * 1024
const SIGNAL_HIGH = 'signal_high'

export class IncidentKeeping implements SignalVault {
  readonly #parts: {
    key: KeyObject
    keys: Pick<KeyStore, 'meta' | 'setMeta'>
    looks: Looks
    instance: string
    now: () => number
    sign: (bytes: Uint8Array) => { signature: string; key: string }
  }

  constructor(parts: {
    key: KeyObject
    keys: Pick<KeyStore, 'meta' | 'setMeta'>
    looks: Looks
    instance: string
    now: () => number
    sign: (bytes: Uint8Array) => { signature: string; key: string }
  }) {
    this.#parts = parts
  }

  async signIncidentRow(
    given: Omit<IncidentRowHead, 'instance' | 'textsSha256' | 'actor'>,
    texts: IncidentTexts | undefined,
    look: Look,
  ): Promise<IncidentRow> {
    const { key, looks, instance, now, sign } = this.#parts
    checkLook(look)
    const { incident, row, kind, at, body, before } = given
    const text = texts === undefined ? undefined : JSON.stringify(texts)
    if (![incident, row].every((number) => Number.isSafeInteger(number) && number > 0)) {
      throw new BulkheadError('vault_refused', 'the row names no incident')
    }
    if (Buffer.byteLength(body) > BODY_BYTES_MAX || Buffer.byteLength(text ?? '') > TEXTS_BYTES_MAX) {
      throw new BulkheadError('vault_refused', 'a row of an incident is not as long as that')
    }
    looks.append({ at: now(), actor: look.actor, action: `incident ${kind}`, reason: look.reason, counts: { incident, row } })
    const sealed = text === undefined ? null : seal(key, bind('incident', incident, row), text).toString('base64')
    const head = { instance, incident, row, kind, at, actor: look.actor, body, textsSha256: sealedHash(sealed), before }
    return { ...head, sealed, ...sign(incidentRowBytes(head)) }
  }

  async signalNumber(known: number, take: boolean): Promise<number> {
    if (!Number.isSafeInteger(known) || known < 0) throw new BulkheadError('vault_refused', 'that is no number of a signal')
    const { keys } = this.#parts
    const kept = (keys.meta(SIGNAL_HIGH) as number | undefined) ?? 0
    const number = Math.max(known, kept) + (take ? 1 : 0)
    if (number > kept) keys.setMeta(SIGNAL_HIGH, number)
    return number
  }

  async openIncidentRows(
    rows: readonly Pick<IncidentRow, 'incident' | 'row' | 'sealed'>[],
    look: Look,
  ): Promise<(IncidentTexts | undefined)[]> {
    const { key, looks, now } = this.#parts
    checkLook(look)
    const { actor, action, reason } = look
    looks.append({ at: now(), actor, action, reason, counts: { rows: rows.length } })
    return rows.map(({ incident, row, sealed }) => {
      if (sealed === null) return {}
      const plain = open(key, bind('incident', incident, row), Buffer.from(sealed, 'base64'))
      return plain === undefined ? undefined : (JSON.parse(plain.toString('utf8')) as IncidentTexts)
    })
  }
}
