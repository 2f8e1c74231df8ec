/**
 * Files a version as a maildir: a mail a file, for another program to send. Each file is whole and durable in `tmp` before its row says
 * `sending`, and is renamed into `new` after: a file that is in `tmp` was not filed, and one that is not there any more was. So
 * nothing is filed twice and nothing is left open, whenever the program ends.
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, realpathSync, renameSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import path from 'node:path'
import { BulkheadError } from '#base/errors.ts'
import { liesWithin, makeFolderDurably, placeOnDisk, syncFolder } from '#base/files.ts'
import type { NoticeRecipient, NoticeRecords } from '#records/notice-rows.ts'
import { type Composer, newMessageId } from './compose.ts'
import { prepare, type PrepareOf, type PreparePorts } from './prepare.ts'

const PARTS = ['tmp', 'new', 'cur'] as const
const BATCH = 250

export interface FilingOf extends PrepareOf {
  dir: string
  officialDomain: string
}

export interface FilingPorts extends PreparePorts {
  records: NoticeRecords
  composer: Composer
}

/**
 * The folder, made where it is missing. `inside`: folders that hold what is sealed. Throws `outbox_place_wrong`: clear mails never lie
 * among sealed things, and a folder of something else is not filled with them.
 */
export function openMaildir(given: string, inside: readonly string[]): string {
  if (!path.isAbsolute(given)) throw wrong('it is not an absolute path')
  const dir = placeOf(given)
  // Before anything is made: a folder that is refused leaves nothing there.
  for (const folder of inside) {
    const other = placeOnDisk(folder)
    if (liesWithin(other, dir) || liesWithin(dir, other)) throw wrong('it is a folder of Bulkhead, or around one')
  }
  makeFolder(dir)
  const strangers = readdirSync(dir).filter((name) => !(PARTS as readonly string[]).includes(name))
  if (strangers.length > 0) throw wrong('it holds something else than a maildir')
  for (const part of PARTS) {
    const folder = path.join(dir, part)
    makeFolder(folder)
    // A link in the place of a part would lead elsewhere.
    if (realpathSync(folder) !== folder) throw wrong(`${part} is no folder`)
  }
  syncFolder(dir)
  return dir
}

/** As the disk has it: a link must not lead into what is sealed. */
function placeOf(given: string): string {
  try {
    return placeOnDisk(given)
  } catch (cause) {
    throw wrong(`it cannot be found (${(cause as NodeJS.ErrnoException).code ?? 'unknown error'})`)
  }
}

function makeFolder(folder: string): void {
  try {
    makeFolderDurably(folder)
  } catch (cause) {
    throw wrong(`it cannot be made (${(cause as NodeJS.ErrnoException).code ?? 'unknown error'})`)
  }
}

function wrong(why: string): BulkheadError {
  return new BulkheadError('outbox_place_wrong', `no mail is filed there: ${why}`)
}

export async function fileVersion(of: FilingOf, ports: FilingPorts, signal: AbortSignal): Promise<void> {
  const { records } = ports
  let after = 0
  while (!signal.aborted) {
    // Also whom a mail server has put off, when it went that way before: a folder refuses nobody.
    const rows = records.recipientsDue(of, { now: Number.MAX_SAFE_INTEGER, after, limit: BATCH })
    const last = rows.at(-1)
    if (last === undefined) {
      if (after === 0 || records.nextDue(of) === undefined) return
      after = 0
      continue
    }
    after = last.number
    await fileBatch(rows, of, ports)
  }
}

async function fileBatch(rows: readonly NoticeRecipient[], of: FilingOf, ports: FilingPorts): Promise<void> {
  const { records, composer, now } = ports
  const { prepared, changes } = await prepare(rows, of, ports)
  if (changes.length > 0) records.changeRecipients(of, changes, now())
  const filed = prepared.map((each) => ({ ...each, messageId: each.row.messageId ?? newMessageId(of.officialDomain) }))
  for (const { mail, address, messageId } of filed) {
    const bytes = await composer.compose(mail, address.text, { messageId, at: now() })
    await writeWhole(path.join(of.dir, 'tmp', nameOf(messageId)), bytes)
  }
  if (filed.length === 0) return
  syncFolder(path.join(of.dir, 'tmp'))
  const begun = filed.map(({ row, messageId }) => ({
    number: row.number,
    state: 'sending' as const,
    messageId,
    attempts: row.attempts + 1,
  }))
  records.changeRecipients(of, begun, now())
  for (const { messageId } of filed) {
    const name = nameOf(messageId)
    renameSync(path.join(of.dir, 'tmp', name), path.join(of.dir, 'new', name))
  }
  syncFolder(path.join(of.dir, 'new'))
  syncFolder(path.join(of.dir, 'tmp'))
  records.changeRecipients(
    of,
    filed.map(({ row }) => ({ number: row.number, state: 'filed' as const })),
    now(),
  )
}

/** What a crash left between: filed when it is not in `tmp` any more. Of a folder that is not there nothing is known. */
export function settleFiling(of: { incident: number; version: number; dir: string }, records: NoticeRecords, at: number): void {
  if (!existsSync(path.join(of.dir, 'tmp'))) return
  for (;;) {
    const rows = records.recipientsIn(of, 'sending', { after: 0, limit: 1000 })
    if (rows.length === 0) return
    const changes = rows.map(({ number, messageId }) => {
      const left = path.join(of.dir, 'tmp', nameOf(messageId ?? ''))
      const isFiled = !existsSync(left)
      if (!isFiled) rmSync(left, { force: true })
      return { number, state: isFiled ? ('filed' as const) : ('waiting' as const) }
    })
    syncFolder(path.join(of.dir, 'new'))
    records.changeRecipients(of, changes, at)
  }
}

/**
 * A crash may leave whole mails with addresses in `tmp` of which no row knows: they were not filed, and are made again. Only files that
 * are called as ours are removed. Nothing is being filed there.
 */
export function clearUnfiled(dir: string): number {
  const folder = path.join(dir, 'tmp')
  if (!existsSync(folder)) return 0
  const left = readdirSync(folder).filter((name) => NAME.test(name))
  for (const name of left) rmSync(path.join(folder, name), { force: true })
  if (left.length > 0) syncFolder(folder)
  return left.length
}

async function writeWhole(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'w', 0o600)
  try {
    await handle.writeFile(bytes)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const NAME = /^[0-9a-f]{40}\.bulkhead$/

/** As the maildir format has it: no slash, no colon, and the same for the same mail. */
function nameOf(messageId: string): string {
  return `${createHash('sha256').update(messageId).digest('hex').slice(0, 40)}.bulkhead`
}
