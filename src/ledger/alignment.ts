/**
 * Holds two sequences of hashes against each other, the one that the tree has and the one that was found, and names where they
 * part: what was changed, dropped, inserted, or stands in another place. Both come in pieces and neither is kept: it looks
 * ahead by a window, and what has moved further is put together at the end, as far as it was remembered.
 */
import type { ProblemKind } from './problem.ts'

const WINDOW = 600
const REMEMBERED_MAX = 10_000
const BEHIND_MAX = 20_000

export type Difference = Extract<ProblemKind, 'changed' | 'dropped' | 'inserted' | 'reordered'>

interface Lone {
  index: number
  /** Hash that the tree has here, hash that was found here. */
  wanted?: string
  found?: string
}

export class Alignment {
  readonly #report: (kind: Difference, index: number) => void
  #wanted: Buffer[] = []
  #found: Buffer[] = []
  /** Index of the first of `#wanted`. */
  #index = 0
  /** Found before their place, and where: they are missing in their place, or stand there once more. */
  readonly #early = new Map<string, number>()
  /** Missing in their place, and seen ahead. */
  readonly #late = new Set<string>()
  #lone: Lone[] = []

  constructor(report: (kind: Difference, index: number) => void) {
    this.#report = report
  }

  push(wanted: readonly Buffer[], found: readonly Buffer[]): void {
    if (this.#isEven() && wanted.length === found.length && wanted.every((hash, at) => isSame(hash, found[at] as Buffer))) {
      this.#index += wanted.length
      return
    }
    this.#wanted.push(...wanted)
    this.#found.push(...found)
    this.#compare(WINDOW)
  }

  /** Nothing is ahead on either side: the way of all that is as it was signed. */
  #isEven(): boolean {
    return this.#wanted.length + this.#found.length + this.#early.size + this.#late.size === 0
  }

  end(): void {
    this.#compare(0)
    for (const hash of this.#wanted.splice(0)) {
      if (!this.#wasEarly(hash, this.#index)) this.#keep({ index: this.#index, wanted: key(hash) })
      this.#index += 1
    }
    for (const hash of this.#found.splice(0)) if (!this.#late.delete(key(hash))) this.#keep({ index: this.#index, found: key(hash) })
    for (const index of this.#early.values()) this.#report('inserted', index)
    this.#settle()
  }

  /** Goes on while at least so many are ahead on both sides, or until one side is used up. */
  #compare(ahead: number): void {
    let [w, f] = [0, 0]
    const left = (): number => Math.min(this.#wanted.length - w, this.#found.length - f)
    for (;;) {
      while (left() > 0 && isSame(this.#wanted[w] as Buffer, this.#found[f] as Buffer)) {
        w += 1
        f += 1
      }
      if (left() === 0 || left() < ahead) break
      const [wanted, found] = [this.#wanted[w] as Buffer, this.#found[f] as Buffer]
      if (this.#wasEarly(wanted, this.#index + w)) {
        w += 1
        continue
      }
      if (this.#late.size > 0 && this.#late.delete(key(found))) {
        f += 1
        continue
      }
      const [foundIn, wantedIn] = [distanceOf(this.#wanted, w, found), distanceOf(this.#found, f, wanted)]
      const index = this.#index + w
      if (foundIn < 0 && wantedIn < 0) {
        this.#keep({ index, wanted: key(wanted), found: key(found) })
        w += 1
        f += 1
      } else if (wantedIn < 0) {
        this.#keep({ index, wanted: key(wanted) })
        w += 1
      } else if (foundIn < 0) {
        this.#keep({ index, found: key(found) })
        f += 1
      } else {
        // Both are there, in another order. The one that is further from its place has moved, or both have changed places:
        // alone, or as far from each other, as whole bundles do. One that comes again later was put in, and has not moved.
        const isAlone = f + 1 < this.#found.length && this.#wanted[w + 1]?.equals(this.#found[f + 1] as Buffer) === true
        const isExchange = isAlone || (foundIn === wantedIn && distanceOf(this.#found, f, found) < 0)
        if (isExchange || foundIn >= wantedIn) {
          this.#early.set(key(found), index)
          f += 1
        }
        if (isExchange || foundIn < wantedIn) {
          this.#late.add(key(wanted))
          this.#report('reordered', index)
          w += 1
        }
      }
    }
    // One side that has no more for so long is cut off, not late.
    for (; this.#wanted.length - w > BEHIND_MAX && f === this.#found.length; w++) {
      this.#keep({ index: this.#index + w, wanted: key(this.#wanted[w] as Buffer) })
    }
    for (; this.#found.length - f > BEHIND_MAX && w === this.#wanted.length; f++) {
      this.#keep({ index: this.#index + w, found: key(this.#found[f] as Buffer) })
    }
    this.#wanted = this.#wanted.slice(w)
    this.#found = this.#found.slice(f)
    this.#index += w
  }

  /** It is named by the place that the tree has for it, wherever it stood. */
  #wasEarly(hash: Buffer, index: number): boolean {
    if (this.#early.size === 0 || !this.#early.delete(key(hash))) return false
    this.#report('reordered', index)
    return true
  }

  #keep(lone: Lone): void {
    if (this.#lone.length < REMEMBERED_MAX) this.#lone.push(lone)
    else this.#report(kindOf(lone), lone.index)
  }

  /** What is missing in one place and was found in another has moved. */
  #settle(): void {
    const missing = new Set(this.#lone.flatMap(({ wanted }) => wanted ?? []))
    const strange = new Set(this.#lone.flatMap(({ found }) => found ?? []))
    for (const lone of this.#lone) {
      const cameFromElsewhere = lone.found !== undefined && missing.has(lone.found)
      const wentElsewhere = lone.wanted !== undefined && strange.has(lone.wanted)
      const isPair = lone.found !== undefined && lone.wanted !== undefined
      if (cameFromElsewhere || (wentElsewhere && !isPair)) this.#report('reordered', lone.index)
      else this.#report(kindOf(lone), lone.index)
    }
    this.#lone = []
  }
}

function kindOf({ wanted, found }: Lone): Difference {
  if (wanted === undefined) return 'inserted'
  return found === undefined ? 'dropped' : 'changed'
}

/** How far behind `from` it stands; negative where it is not within the window. */
function distanceOf(list: readonly Buffer[], from: number, hash: Buffer): number {
  const end = Math.min(list.length, from + WINDOW)
  for (let at = from + 1; at < end; at++) if ((list[at] as Buffer).equals(hash)) return at - from
  return -1
}

function isSame(a: Buffer, b: Buffer): boolean {
  return a === b || a.equals(b)
}

function key(hash: Buffer): string {
  return hash.toString('latin1')
}
