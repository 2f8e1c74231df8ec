/**
 * When to take nothing more, *before* a disk is full or the log has outgrown what is behind it: what is accepted must be
 * kept, and what behind the gateway must still write needs room for it.
 */
import { statfs } from 'node:fs/promises'
import { statSync } from 'node:fs'
import type { Clock } from '#base/clock.ts'

/** What there is too little of, in words without anything personal; undefined when all is well. */
export type RoomProbe = () => Promise<string | undefined>

export interface SpaceLimits {
  freeBytesMin: number
  freeShareMin: number
}

const LOOK_EVERY_MS = 1000

/** Free and total bytes of the file system that a place lies on. */
export async function spaceAt(place: string): Promise<{ free: number; total: number }> {
  const { bavail, blocks, bsize } = await statfs(place)
  return { free: bavail * bsize, total: blocks * bsize }
}

export function freeSpace(name: string, space: () => Promise<{ free: number; total: number }>, limits: SpaceLimits): RoomProbe {
  return async () => {
    const { free, total } = await space()
    const least = Math.max(limits.freeBytesMin, total * limits.freeShareMin)
    return free < least ? `${name}: ${megabytes(free)} free, ${megabytes(least)} needed` : undefined
  }
}

/** One probe for each file system; places that share one are named together. */
export function freeSpaceOf(places: Readonly<Record<string, string>>, limits: SpaceLimits): RoomProbe[] {
  const byDevice = new Map<number, { names: string[]; place: string }>()
  for (const [name, place] of Object.entries(places)) {
    const { dev } = statSync(place)
    const known = byDevice.get(dev)
    if (known === undefined) byDevice.set(dev, { names: [name], place })
    else known.names.push(name)
  }
  return [...byDevice.values()].map(({ names, place }) => freeSpace(names.join(', '), () => spaceAt(place), limits))
}

export function logSize(bytes: () => number, bytesMax: number): RoomProbe {
  return async () => {
    const size = bytes()
    return size >= bytesMax ? `log: it holds ${megabytes(size)} that the warehouse or a vendor has not taken yet` : undefined
  }
}

/** Asks each second. */
export class RoomWatch {
  #short: string[] = []
  readonly #probes: readonly RoomProbe[]
  readonly #stop = new AbortController()

  private constructor(probes: readonly RoomProbe[]) {
    this.#probes = probes
  }

  /** Returns after the first look. */
  static async start(probes: readonly RoomProbe[], clock: Clock): Promise<RoomWatch> {
    const watch = new RoomWatch(probes)
    await watch.#look()
    if (probes.length > 0) void watch.#run(clock)
    return watch
  }

  get low(): boolean {
    return this.#short.length > 0
  }

  get short(): readonly string[] {
    return this.#short
  }

  stop(): void {
    this.#stop.abort()
  }

  async #run(clock: Clock): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await clock.sleep(LOOK_EVERY_MS, this.#stop.signal)
      await this.#look()
    }
  }

  async #look(): Promise<void> {
    // A disk that does not say how full it is counts as full: the log could not be trusted to it either.
    const found = await Promise.all(this.#probes.map((probe) => probe().catch(() => 'a disk does not say how full it is')))
    this.#short = found.filter((shortage) => shortage !== undefined)
  }
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1000 ** 2)} MB`
}
