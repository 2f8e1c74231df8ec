import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalWords } from '#model/notice-text.ts'
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

test('no text that differs from a notice in one character is called genuine', async () => {
  await withVault(async ({ notices }) => {
    const sent = await sendNotices(notices, [
      { address: 'asha.rao@example.net', name: 'Asha Rao' },
      { address: 'ravi@example.in', name: 'रवि शर्मा', language: 'hi', shape: 'alias' },
      { address: 'kim@example.org', shape: 'organisation' },
    ])
    const desk = new CheckDesk({ vault: notices, marks: MARKS, reader: reader as NoticeReader })
    const characters = fc.oneof(
      fc.constantFrom(...'aA0९.,:/@-*_>"“’ \n\t\u200b\u200d\u200e\u202e\u00ad\u0430\ufeff\uff0e\u0967'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
    )
    const kinds = fc.constantFrom('insert', 'replace', 'delete')
    let edits = 0
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...sent), fc.nat(), characters, kinds, async (notice, place, character, kind) => {
        const { text } = notice.mail
        const at = place % text.length
        const edited = text.slice(0, at) + (kind === 'delete' ? '' : character) + text.slice(kind === 'insert' ? at : at + 1)
        const isSame = JSON.stringify(canonicalWords(edited)) === JSON.stringify(canonicalWords(text))
        const { verdict } = await desk.check({ content: Buffer.from(edited), address: notice.address })
        // Bytes that are no text come out as other ones: then it is altered, too.
        if (isSame && Buffer.from(edited).toString() === edited) assert.equal(verdict, 'genuine', JSON.stringify({ at, character, kind }))
        else assert.notEqual(verdict, 'genuine', JSON.stringify({ at, character, kind }))
        if (!isSame) edits++
      }),
      { numRuns: 400 },
    )
    assert.ok(edits > 100)
  })
})
