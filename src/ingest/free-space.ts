import { statfs } from 'node:fs/promises'
import type { Clock } from '#base/clock.ts'

/** Free and total bytes of a file system. */
export type SpaceProbe = () => Promise<{ free: number; total: number }>

const FREE_BYTES_MIN = 2 * 1000 ** 3
const FREE_SHARE_MIN = 0.05
const LOOK_EVERY_MS = 1000

export function spaceOf(place: string): SpaceProbe {
  return async () => {
    const { bavail, blocks, bsize } = await statfs(place)
    return { free: bavail * bsize, total: blocks * bsize }
  }
}

/** Looks each second. `low` turns true before the disk is full: what behind the gateway must still write needs the rest. */
export class FreeSpaceWatch {
  #low = false
  readonly #stop = new AbortController()

  /** Returns after the first look. */
  static async start(probe: SpaceProbe | undefined, clock: Clock): Promise<FreeSpaceWatch> {
    const watch = new FreeSpaceWatch()
    if (probe === undefined) return watch
    await watch.#look(probe)
    void watch.#run(probe, clock)
    return watch
  }

  get low(): boolean {
    return this.#low
  }

  stop(): void {
    this.#stop.abort()
  }

  async #run(probe: SpaceProbe, clock: Clock): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await clock.sleep(LOOK_EVERY_MS, this.#stop.signal)
      await this.#look(probe)
    }
  }

  async #look(probe: SpaceProbe): Promise<void> {
    try {
      const { free, total } = await probe()
      this.#low = free < Math.max(FREE_BYTES_MIN, total * FREE_SHARE_MIN)
    } catch {
      // A disk that does not say how full it is counts as full: the log could not be trusted to it either.
      this.#low = true
    }
  }
}
