/**
 * For the kill -9 test: appends for ever and prints an acknowledgement only after `append` has returned. Every second
 * call repeats an insert id of an earlier acknowledged one.
 */
import { createHash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { systemClock } from '#base/clock.ts'
import { openLogWriter } from './log-writer.ts'
import type { LogDraft } from './port.ts'

const [dir, waitingDir, start] = process.argv.slice(2) as [string, string, string]
const log = await openLogWriter({ dir, waitingDir, clock: systemClock, folderBytesMax: 200_000 })

for (let serial = Number(start); ; serial++) {
  const drafts: LogDraft[] = []
  for (let draft = 0; draft < 3; draft++) {
    const ids = [`${serial}.${draft}.a`, `${serial}.${draft}.b`]
    const [waiting] = await log.appendWaiting([Buffer.from(`sealed ${ids[0]}`)])
    drafts.push({
      at: Date.now(),
      source: 'site',
      protocol: 'p',
      surface: 'web',
      trust: 'browser',
      policy: 1,
      ...(waiting === undefined ? {} : { waiting: { day: 1, ...waiting } }),
      records: ids.map((_, record) => ({ type: 'event' as const, name: 'x'.repeat(300), time: serial * 10 + draft, user: record })),
      dedup: Buffer.concat(ids.map(hashOf)),
    })
  }
  const results = await log.append(drafts)
  writeSync(1, `${JSON.stringify({ serial, seqs: results.map((result) => result.seq) })}\n`)
}

function hashOf(id: string): Buffer {
  return createHash('sha256').update(id).digest().subarray(0, 16)
}
