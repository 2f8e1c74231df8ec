/** `backup` and `restore`: what is copied, in which order, stands in `#app/backup.ts` and `#app/restore.ts`. */
import { BulkheadError, toBulkheadError } from '#base/errors.ts'
import { type BackupReport, gapText, type RestoreReport } from '#api/backup-contract.ts'
import { ROUTES } from '#api/contract.ts'
import { type BackupMade, type BackupOwner, backUp, backUpKeys, sharedDisks } from '#app/backup.ts'
import { openStoppedOwner } from '#app/backup-owner.ts'
import { type Instance, openInstance, readRun } from '#app/instance.ts'
import { restore } from '#app/restore.ts'
import { type Context, printAnswer } from './context.ts'
import { count } from './render.ts'
import { openClient } from './staff-client.ts'

export async function backupCommand(context: Context, dir: string, options: { keys?: string }): Promise<void> {
  const instance = openInstance({ dataDir: context.dataDir, create: false, env: context.env })
  if (instance.creating) throw new BulkheadError('not_running', `${instance.dataDir} is being made: there is nothing to copy yet`)
  const run = readRun(instance.dataDir)
  const stopped = run === undefined ? await openStoppedOwner(instance, context.env) : undefined
  const owner = stopped ?? runningOwner(run?.consoleUrl ?? '', instance, context)
  try {
    const now = Date.now()
    const progress = (text: string): void => context.err(`backup: ${text}\n`)
    const made = await backUp({ instance, dir, owner, version: context.version, progress, now })
    const keys =
      options.keys === undefined
        ? undefined
        : await backUpKeys({ instance, dir: options.keys, dataBackup: dir, owner, version: context.version, now })
    for (const warning of sharedDisks(instance, dir, options.keys)) context.err(`warning: ${warning}\n`)
    printAnswer(context, reportOf(made, keys, stopped?.erasuresReplayed ?? 0), (answer) => renderBackup(answer, dir))
  } finally {
    await stopped?.close()
  }
}

function reportOf(made: BackupMade, keys: BackupReport['keys'] | undefined, erasuresReplayed: number): BackupReport {
  return { ...made, takenAt: new Date(made.takenAt).toISOString(), keys: keys ?? null, erasuresReplayed }
}

function runningOwner(consoleUrl: string, instance: Instance, context: Context): BackupOwner {
  const client = openClient(consoleUrl, instance, context)
  const ask = async (step: string, body: unknown = {}): Promise<boolean> => {
    try {
      return (await client.post<{ ok: boolean }>(`${ROUTES.backup}/${step}`, body)).ok
    } catch (thrown) {
      const error = toBulkheadError(thrown)
      throw new BulkheadError('backup_failed', `the step "${step}" failed: ${error.message} (${error.code})`, { cause: thrown })
    }
  }
  return {
    isRunning: true,
    freeze: async () => void (await ask('freeze')),
    resume: () => ask('resume'),
    thaw: async () => void (await ask('thaw')),
    rows: async (dir) => void (await ask('rows', { dir })),
    keys: async (dir) => void (await ask('keys', { dir })),
    record: async (kind, made) => void (await ask('record', { kind, ...made })),
  }
}

function renderBackup(answer: BackupReport, dir: string): string {
  const size = `${count(answer.files, 'file')}, ${(answer.bytes / 1e6).toFixed(1)} MB, read again and compared`
  const lines = [`Backed up to ${dir}: ${count(answer.entries, 'ledger entry', 'ledger entries')}, log up to ${answer.logHead}; ${size}.`]
  if (answer.keys === null) {
    lines.push('The keys are not in it, and it cannot be opened without them: `--keys DIR2` copies them to a place of their own.')
  } else {
    const removed = answer.keys.removed.length > 0 ? `; ${answer.keys.removed.length} older than 30 days removed` : ''
    lines.push(`Keys copied to ${answer.keys.folder}${removed}.`)
  }
  return lines.join('\n')
}

export async function restoreCommand(context: Context, dir: string, options: { keys?: string; ledgerHead?: number }): Promise<void> {
  const { env, dataDir } = context
  const restored = await restore({
    dir,
    dataDir,
    keys: options.keys,
    ledgerHead: options.ledgerHead,
    env,
    progress: (text) => context.err(`restore: ${text}\n`),
  })
  const { gap, entries, erasuresReplayed, logFrom, cut, noticesStopped, keysDir } = restored
  const report: RestoreReport = {
    entries,
    ...(gap === undefined
      ? {}
      : { gap: { entry: gap.entry, from: gap.from, to: gap.to, exact: gap.exact, origin: gap.origin, key: gap.key } }),
    erasuresReplayed,
    takenAt: new Date(restored.takenAt).toISOString(),
    logFrom,
    cut,
    noticesStopped,
    approvalsClosed: restored.approvalsClosed,
    keys: keysDir,
    outside: restored.outside,
  }
  printAnswer(context, report, (answer) => renderRestored(answer, dataDir))
}

/** Loud where it holds more than the copy: that much is lost, whoever did it. */
function outsideText(id: string, { size, what, had }: { size: number | null; what: string | null; had: number | undefined }): string {
  if (size === null) return `${id}: ${what}.`
  if (had !== undefined && size > had) return `ROLLED BACK: ${id} holds a checkpoint of size ${size}, this copy has ${had}.`
  return `${id}: knows of ${count(size, 'ledger entry', 'ledger entries')}.`
}

function renderRestored(answer: RestoreReport, dataDir: string): string {
  return [
    `Restored to ${dataDir} as of ${answer.takenAt}, with the keys in ${answer.keys}.`,
    `${count(answer.entries, 'ledger entry', 'ledger entries')}.`,
    `${count(answer.erasuresReplayed, 'identifier')} removed that were erased after the backup.`,
    ...(answer.gap === undefined
      ? ['Nothing that is known of is missing from the ledger.']
      : [
          `Lost from the ledger: ${gapText(answer.gap)}. Entry ${answer.gap.entry} records it, signed, and every report says so; \`doctor\` is red until \`bulkhead ledger acknowledge ${answer.gap.entry}\`.`,
        ]),
    ...answer.outside.map(({ id, size, what }) => outsideText(id, { size, what, had: answer.gap && answer.gap.from - 1 })),
    ...(answer.noticesStopped > 0
      ? [
          `Notices that were begun: ${answer.noticesStopped}. They may have reached people since; they go on only by your word (incident notice list).`,
        ]
      : []),
    ...(answer.approvalsClosed > 0
      ? [
          `Proposals and approvals with later steps than this copy has: ${answer.approvalsClosed}, closed; propose anew what is still meant.`,
        ]
      : []),
    ...(answer.cut.length > 0 ? [`Cut after the backup and cut here too: ${answer.cut.join(', ')}.`] : []),
    'Events that were accepted after the backup are lost. Start it with `bulkhead up --data` on this folder.',
  ].join('\n')
}
