/**
 * The simulated vault: its rows are durable in the instant in which a call is carried out, and the call, the answer or both may
 * get lost. Identifiers are made by the real code with keys of the seed.
 */
import { createHash, createSecretKey, type KeyObject } from 'node:crypto'
import { BulkheadError } from '#base/errors.ts'
import type { ManifestRow } from '#model/disclosure.ts'
import { openDoor } from '#vault/door.ts'
import type { DiscloseReply, DiscloseRequest, GatewayVault, Ref, WindowReply, WindowRequest, WorkerVault } from '#vault/port.ts'
import { unpackManifest } from '#vault/manifest.ts'
import { makeIds, makePhases, positionBlocks, subjectBlocks } from '#vault/pseudonym.ts'
import { Uuids } from '#vault/uuids.ts'
import type { Network } from './network.ts'
import type { Life, Scheduler } from './scheduler.ts'

interface EpochKeys {
  pseudonym: KeyObject
  insertId: KeyObject
  time: KeyObject
}

export class SimVault {
  readonly #scheduler: Scheduler
  readonly #network: Network
  readonly #seed: number
  readonly #ordinals = new Map<string, number>()
  readonly #facts = new Set<string>()
  readonly #epochs = new Map<string, number>()
  readonly #keys = new Map<string, EpochKeys>()
  life: Life | undefined
  /** Added to every call: a vault that is slow, or so slow that callers give up. */
  slownessMs = 0
  /** Calls that are refused although they are right, as by a full disk. */
  refusing = false

  constructor(scheduler: Scheduler, network: Network, seed: number) {
    this.#scheduler = scheduler
    this.#network = network
    this.#seed = seed
  }

  ordinalOf(value: string): number | undefined {
    return this.#ordinals.get(JSON.stringify(['default', 'id', value]))
  }

  holdsFact(ordinal: number, field: string): boolean {
    return this.#facts.has(`${ordinal} ${field}`)
  }

  epochOf(destination: string): number {
    return this.#epochs.get(destination) ?? 1
  }

  /** The old epoch makes no identifiers from now on. */
  rotate(destination: string): void {
    this.#epochs.set(destination, this.epochOf(destination) + 1)
  }

  forGateway(from: Life): GatewayVault {
    const digest = (use: string): Buffer => createHash('sha256').update(`${this.#seed} ${use}`).digest()
    return {
      commitWindow: (window) => this.#call(from, 'commitWindow', () => this.#commitWindow(window)),
      // Any 32 bytes are a public key of X25519.
      door: async (day) => {
        const keys = await this.#call(from, 'door', () => ({ day, waiting: digest(`waiting ${day}`), dedup: digest('dedup') }))
        return openDoor(keys, () => this.#scheduler.now)
      },
    }
  }

  forWorker(from: Life): WorkerVault {
    return {
      activeEpoch: (destination) => this.#call(from, 'activeEpoch', () => this.epochOf(destination)),
      disclose: (request) => this.#call(from, 'disclose', () => this.#disclose(request)),
      sealManifests: (manifests) =>
        this.#call(from, 'sealManifests', () => manifests.map(({ entry, packed }) => sealPacked(entry, packed))),
      openManifests: (manifests) =>
        this.#call(from, 'openManifests', () => manifests.map(({ entry, sealed }) => openPacked(entry, sealed))),
    }
  }

  #call<Reply>(from: Life, label: string, serve: () => Reply): Promise<Reply> {
    return this.#network.call({
      label: `vault ${label} for ${from.role}`,
      from,
      to: () => (this.life?.alive ? this.life : undefined),
      unavailable: 'vault_unavailable',
      delayMs: 0.3 + this.slownessMs,
      serve: () => {
        if (this.refusing) throw new BulkheadError('vault_unavailable', 'simulated: the vault cannot write')
        return serve()
      },
    })
  }

  #commitWindow(window: WindowRequest): WindowReply {
    const ordinals = window.identifiers.map(([namespace, kind, value]) => {
      const key = JSON.stringify([namespace, kind, value])
      const ordinal = this.#ordinals.get(key) ?? this.#ordinals.size + 1
      this.#ordinals.set(key, ordinal)
      return ordinal
    })
    const resolve = (ref: Ref): number => (ref < 0 ? (ordinals[-ref - 1] as number) : ref)
    for (const { of, field } of window.facts) this.#facts.add(`${resolve(of)} ${field}`)
    return { ordinals }
  }

  #disclose({ destination, epoch, subjects, positions }: DiscloseRequest): DiscloseReply {
    if (epoch !== this.epochOf(destination)) throw new BulkheadError('vault_refused', 'simulated: that epoch makes no identifiers')
    const keys = this.keysOf(destination, epoch)
    const blocks = subjectBlocks(subjects)
    return {
      pseudonyms: new Uuids(makeIds(keys.pseudonym, blocks)),
      insertIds: new Uuids(makeIds(keys.insertId, positionBlocks(positions))),
      phases: makePhases(keys.time, blocks),
    }
  }

  keysOf(destination: string, epoch: number): EpochKeys {
    const name = `${destination} ${epoch}`
    const known = this.#keys.get(name)
    if (known !== undefined) return known
    const key = (use: string): KeyObject => createSecretKey(createHash('sha256').update(`${this.#seed} ${name} ${use}`).digest())
    const keys = { pseudonym: key('pseudonym'), insertId: key('insert-id'), time: key('time') }
    this.#keys.set(name, keys)
    return keys
  }

  crash(): void {
    const { life } = this
    if (life === undefined) return
    life.alive = false
    this.life = undefined
    this.#scheduler.note('vault dies')
    this.#network.ended(life)
  }
}

function sealPacked(entry: number, packed: Uint8Array): string {
  return Buffer.from(JSON.stringify([entry, Buffer.from(packed).toString('base64')])).toString('base64')
}

function openPacked(entry: number, sealed: string): Uint8Array {
  const [sealedUnder, packed] = JSON.parse(Buffer.from(sealed, 'base64').toString()) as [number, string]
  if (sealedUnder !== entry) throw new BulkheadError('ledger_corrupt', `simulated: the manifest of entry ${entry} does not open`)
  return Buffer.from(packed, 'base64')
}

export function openRows(entry: number, sealed: string): ManifestRow[] {
  return unpackManifest(openPacked(entry, sealed))
}
