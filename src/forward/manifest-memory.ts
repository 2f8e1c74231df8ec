/**
 * Sealed manifests, and what stands in those that this process has sealed lately: they are asked for a second later, when
 * their outcomes are loaded, and need no opening then. The sealed text decides: what is another text is opened by the vault.
 */
import type { Intent, ManifestRow } from '#model/disclosure.ts'
import { packManifest, unpackManifest } from '#vault/manifest.ts'
import type { WorkerVault } from '#vault/port.ts'

const REMEMBERED_BYTES_MAX = 8 * 1024 * 1024

type Sealing = Pick<WorkerVault, 'sealManifests' | 'openManifests'>

export class Manifests {
  readonly #vault: Sealing
  readonly #bytesMax: number
  /** In the order in which they were sealed. */
  readonly #remembered = new Map<number, { sealed: string; packed: Uint8Array }>()
  #bytes = 0

  constructor(vault: Sealing, bytesMax = REMEMBERED_BYTES_MAX) {
    this.#vault = vault
    this.#bytesMax = bytesMax
  }

  async seal(entries: readonly number[], rows: readonly (readonly ManifestRow[])[]): Promise<string[]> {
    const manifests = entries.map((entry, index) => ({ entry, packed: packManifest(rows[index] ?? []) }))
    const sealed = await this.#vault.sealManifests(manifests)
    for (const [index, { entry, packed }] of manifests.entries()) this.#remember(entry, sealed[index] as string, packed)
    return sealed
  }

  /** Rows of each intent, in the order given. */
  async open(intents: readonly Pick<Intent, 'entry' | 'manifest'>[]): Promise<ManifestRow[][]> {
    const packed = intents.map(({ entry, manifest }) => {
      const known = this.#remembered.get(entry)
      return known?.sealed === manifest ? known.packed : undefined
    })
    const missing = intents.filter((_, index) => packed[index] === undefined)
    const opened =
      missing.length === 0 ? [] : await this.#vault.openManifests(missing.map(({ entry, manifest }) => ({ entry, sealed: manifest })))
    let next = 0
    return packed.map((bytes) => unpackManifest(bytes ?? (opened[next++] as Uint8Array)))
  }

  #remember(entry: number, sealed: string, packed: Uint8Array): void {
    this.#forget(entry)
    this.#remembered.set(entry, { sealed, packed })
    this.#bytes += sealed.length + packed.length
    for (const oldest of this.#remembered.keys()) {
      if (this.#bytes <= this.#bytesMax) break
      this.#forget(oldest)
    }
  }

  #forget(entry: number): void {
    const known = this.#remembered.get(entry)
    if (known === undefined) return
    this.#remembered.delete(entry)
    this.#bytes -= known.sealed.length + known.packed.length
  }
}
