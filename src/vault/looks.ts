/**
 * Who looked at whom, why, and when: `looks/looks.log`, append only. A line is
 *
 *     <sequence> <SHA-256 of the line before, base64url> <sealed entry, base64url>
 *
 * and the seal is bound to the first two, so that a line can be neither changed, moved nor left out unseen. How many lines
 * there are and the hash of the last also stand in the key store, which shows a cut-off end. Each line is on the platter
 * before the plain value that it speaks of leaves the vault.
 */
import { createHash, type KeyObject } from 'node:crypto'
import { closeSync, fdatasyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { BulkheadError } from '#base/errors.ts'
import { makeFolderDurably, syncFolder } from '#base/files.ts'
import { isDiskFull, type Room } from '#base/reserve.ts'
import { bind, open, seal } from './seal.ts'

export interface LookEntry {
  at: number
  actor: string
  action: string
  reason: string
  /** What was asked for, when it was a question that nobody's key could seal. */
  query?: string
  /** Whom it was about, and what was asked, sealed under that person's key: it becomes unreadable with everything else of theirs. */
  about?: { person: number; sealed: string }
  counts: Record<string, number>
}

export interface LooksAnchor {
  read(): { count: number; head: string }
  write(anchor: { count: number; head: string }): void
}

export interface ReadLook {
  sequence: number
  /** Undefined: this line was not written by the vault, or was changed, or its predecessor was. */
  entry: LookEntry | undefined
}

export class Looks {
  readonly #key: KeyObject
  readonly #anchor: LooksAnchor
  readonly #room: Room
  readonly #handle: number
  readonly #file: string
  #size: number
  #count: number
  #head: string

  /** Cuts off a half-written last line, and says in a line of its own what it found missing. */
  constructor(options: { dir: string; key: KeyObject; anchor: LooksAnchor; now: () => number; room?: Room }) {
    const { dir, key, anchor, now } = options
    makeFolderDurably(dir)
    this.#file = path.join(dir, 'looks.log')
    this.#key = key
    this.#anchor = anchor
    this.#room = options.room ?? ((write) => write())
    this.#handle = openSync(this.#file, 'a+', 0o600)
    syncFolder(dir)
    const content = readFileSync(this.#file)
    const end = content.lastIndexOf(0x0a) + 1
    if (end < content.length) ftruncateSync(this.#handle, end)
    const lines = splitLines(content.subarray(0, end))
    this.#size = end
    this.#count = lines.length
    this.#head = lines.length === 0 ? '' : hashLine(lines.at(-1) as string)
    const gap = this.#findGap(lines)
    if (end < content.length || gap > 0) {
      const counts = { cutBytes: content.length - end, missingLines: gap }
      this.append({ at: now(), actor: 'vault', action: 'open', reason: 'the record of looks was not whole', counts })
    }
  }

  get count(): number {
    return this.#count
  }

  /** Returns when the line is durable. */
  append(entry: LookEntry): void {
    const sequence = this.#count + 1
    const sealed = seal(this.#key, bind('look', sequence, this.#head), JSON.stringify(entry))
    const line = `${sequence} ${this.#head || '-'} ${sealed.toString('base64url')}`
    const bytes = Buffer.from(`${line}\n`)
    try {
      this.#room(() => this.#write(bytes))
    } catch (cause) {
      throw new BulkheadError(isDiskFull(cause) ? 'disk_full' : 'vault_unavailable', 'the record of looks cannot be written', { cause })
    }
    this.#size += bytes.length
    this.#count = sequence
    this.#head = hashLine(line)
    this.#anchor.write({ count: this.#count, head: this.#head })
  }

  #write(bytes: Buffer): void {
    try {
      let written = 0
      while (written < bytes.length) written += writeSync(this.#handle, bytes, written)
      fdatasyncSync(this.#handle)
    } catch (thrown) {
      // Half a line must not stand before the next one; nobody was answered.
      ftruncateSync(this.#handle, this.#size)
      throw thrown
    }
  }

  read(): ReadLook[] {
    let before = ''
    return splitLines(readFileSync(this.#file)).map((line, at) => {
      const [sequence, previous, sealed] = line.split(' ')
      const isNext = Number(sequence) === at + 1 && previous === (before || '-')
      const plain = isNext ? open(this.#key, bind('look', at + 1, before), Buffer.from(sealed ?? '', 'base64url')) : undefined
      before = hashLine(line)
      return { sequence: at + 1, entry: plain === undefined ? undefined : (JSON.parse(plain.toString('utf8')) as LookEntry) }
    })
  }

  close(): void {
    closeSync(this.#handle)
  }

  /** Lines that the key store knows of and the file does not, or 1 when the last known line is another one. */
  #findGap(lines: readonly string[]): number {
    const anchor = this.#anchor.read()
    if (anchor.count === 0) return 0
    if (lines.length < anchor.count) return anchor.count - lines.length
    return hashLine(lines[anchor.count - 1] as string) === anchor.head ? 0 : 1
  }
}

/** A person who looks says why. Throws `reason_required`. */
export function checkLook(look: { actor: string; action: string; reason: string }): void {
  if (typeof look?.reason !== 'string' || look.reason.trim() === '')
    throw new BulkheadError('reason_required', 'a look at people needs a reason')
  if (typeof look.actor !== 'string' || look.actor === '' || typeof look.action !== 'string' || look.action === '') {
    throw new BulkheadError('vault_refused', 'a look needs an actor and an action')
  }
}

function splitLines(content: Buffer): string[] {
  const lines = content.toString('latin1').split('\n')
  lines.pop()
  return lines
}

function hashLine(line: string): string {
  return createHash('sha256').update(line).digest('base64url')
}
