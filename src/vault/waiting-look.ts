/**
 * Looks through the waiting room for the staff: which names wait there (`waiting-names.ts`), and what opens in the own store
 * once a name is approved. Text is opened here, in the vault's process, in slices, since the same loop answers the gateway.
 */
import { setImmediate as letOthersRun } from 'node:timers/promises'
import { BulkheadError } from '#base/errors.ts'
import type { JsonValue } from '#model/json.ts'
import type { PlainValue } from '#model/log-entry.ts'
import { isSigned, policyHash } from '#model/policy-statement.ts'
import { destroySecretsInPair, DestroyedCounts, identityKeyOf } from '#policy/policy.ts'
import type { ApprovedNames, Look, Opening, WaitingVault } from './port.ts'
import { BlobTexts, WaitingNames } from './waiting-names.ts'

/** What of a value may stand open under an approved key, as the split decides it; undefined: it waits. */
export type OpenValue = (key: string, value: JsonValue, approved: ReadonlySet<string>) => [key: string, value: PlainValue][] | undefined

export interface WaitingLookParts {
  /** Undefined for what nobody can open any more. */
  openWaiting(day: number, sealed: Uint8Array): string | undefined
  recordLook(look: Look & { subjects: number }): Promise<void>
  openValue: OpenValue
  /** Public key of the vault's own signatures. */
  ledgerKey(): string | null
}

export function waitingLook({ openWaiting, recordLook, openValue, ledgerKey }: WaitingLookParts): WaitingVault {
  let names: WaitingNames | undefined
  return {
    beginNames: async (look) => {
      await recordLook({ ...look, subjects: 0 })
      names = new WaitingNames()
    },
    addNames: async (blobs) => {
      const begun = names
      if (begun === undefined) throw new BulkheadError('vault_refused', 'no look through the waiting room was begun')
      for (const { day, sealed, records } of blobs) {
        await begun.add(openWaiting(day, sealed), records, letOthersRun)
        await letOthersRun()
      }
    },
    endNames: async (k) => {
      const begun = names
      names = undefined
      if (begun === undefined) throw new BulkheadError('vault_refused', 'no look through the waiting room was begun')
      return begun.proposals(k)
    },
    endFinding: async (asked) => {
      const begun = names
      names = undefined
      if (begun === undefined) throw new BulkheadError('vault_refused', 'no look through the waiting room was begun')
      return begun.kindsOf(asked)
    },
    openApproved: async (blobs, approved) => {
      assertSigned(approved, ledgerKey())
      const opener = new Opener(approved, openValue)
      const openings: Opening[] = []
      for (const { day, sealed, records } of blobs) {
        const text = openWaiting(day, sealed)
        const texts = text === undefined ? undefined : new BlobTexts(text)
        for (const { part, record, seq, index } of records) {
          const opened = opener.open(texts?.find(part, record))
          if (opened !== undefined) openings.push({ seq, index, ...opened })
        }
        await letOthersRun()
      }
      return openings
    },
  }
}

function assertSigned({ policy, seal, events, properties }: ApprovedNames, key: string | null): void {
  const { store } = policy
  const isApproved = events.every((name) => store.events.includes(name)) && properties.every((name) => store.properties.includes(name))
  if (isApproved && seal.statement.policySha256 === policyHash(policy) && isSigned(seal, key)) return
  throw new BulkheadError(
    'vault_refused',
    'waiting text opens under names that a signed version of the policy approves, and under no others',
  )
}

class Opener {
  readonly #events: ReadonlySet<string>
  readonly #properties: ReadonlySet<string>
  readonly #approved: ReadonlySet<string>
  readonly #openValue: OpenValue

  constructor({ events, properties, policy }: ApprovedNames, openValue: OpenValue) {
    this.#events = new Set(events)
    this.#properties = new Set(properties)
    this.#approved = new Set(policy.store.properties)
    this.#openValue = openValue
  }

  open(waiting: { name?: string; pairs?: [key: string, value: unknown][] } | undefined): Omit<Opening, 'seq' | 'index'> | undefined {
    if (waiting === undefined) return undefined
    const event = waiting.name !== undefined && this.#events.has(waiting.name) ? waiting.name : undefined
    let properties: Record<string, PlainValue> | undefined
    let opened = 0
    for (const [key, value] of waiting.pairs ?? []) {
      const pairs = this.#openPair(key, value as JsonValue)
      if (pairs === undefined) continue
      opened += 1
      for (const [name, plain] of pairs) {
        properties ??= {}
        properties[name] = plain
      }
    }
    if (event === undefined && opened === 0) return undefined
    return { ...(event === undefined ? {} : { event }), ...(properties === undefined ? {} : { properties }), opened }
  }

  /** A pair that waits though its key was approved before has a reason to: only what is new opens. */
  #openPair(key: string, value: JsonValue): [key: string, value: PlainValue][] | undefined {
    const isNew = this.#properties.has(key) || [...this.#properties].some((name) => name.startsWith(`${key}.`))
    if (!isNew || !this.#approved.has(key) || identityKeyOf(key)?.own === true) return undefined
    const [cleanKey, clean] = destroySecretsInPair(key, value, new DestroyedCounts())
    return clean === value && cleanKey === key ? this.#openValue(key, value, this.#approved) : undefined
  }
}
