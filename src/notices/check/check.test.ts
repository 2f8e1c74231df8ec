import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withVault } from '#vault/testing.ts'
import { CheckDesk } from './check-desk.ts'
import type { NoticeReader } from './reader.ts'
import { readNotice } from './reading.ts'
import { CHECK_CASES } from './testing-cases.ts'
import { MARKS, sendNotices } from './testing-check.ts'
import { reasonText, LANGUAGES } from './words.ts'

const reader: Pick<NoticeReader, 'read'> = { read: readNotice }

test('each case gets its verdict, with its reasons, in words of both languages', async () => {
  await withVault(async ({ notices }) => {
    const [notice, hindi] = await sendNotices(notices, [
      { address: 'asha.rao@example.net', name: 'Asha Rao' },
      { address: 'ravi@example.in', name: 'रवि शर्मा', language: 'hi', shape: 'alias' },
    ])
    assert.ok(notice !== undefined && hindi !== undefined)
    const desk = new CheckDesk({ vault: notices, marks: MARKS, reader: reader as NoticeReader })
    const wrong: string[] = []
    for (const { name, verdict, reasons = [], make } of CHECK_CASES) {
      const { content, ...given } = await make(notice, hindi)
      const judged = await desk.check({ ...given, ...(content === undefined ? {} : { content: Buffer.from(content as string) }) })
      const codes = judged.reasons.map(({ code }) => code)
      if (judged.verdict !== verdict || !reasons.every((reason) => codes.includes(reason)))
        wrong.push(`${name}: ${judged.verdict} ${JSON.stringify(judged.reasons)}, expected ${verdict} ${reasons}`)
      for (const words of LANGUAGES) {
        for (const reason of judged.reasons) assert.doesNotMatch(reasonText(words, reason, MARKS), /\{[a-z]+\}|undefined/, reason.code)
      }
    }
    assert.deepEqual(wrong, [])
    assert.ok(CHECK_CASES.length >= 60)
  })
})
