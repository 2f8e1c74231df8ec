import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalWords } from '#model/notice-text.ts'
import { withVault } from '#vault/testing.ts'
import { CheckDesk } from './check-desk.ts'
import type { NoticeReader } from './reader.ts'
import { readNotice } from './reading.ts'
import { CHECK_CASES } from './testing-cases.ts'
import { composed, MARKS, sendNotices } from './testing-check.ts'
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

test('an address in letters of any script is the one to which the mail went, however it is typed', async () => {
  await withVault(async ({ notices }) => {
    const ascii = 'asha@xn--mnchen-3ya.de'
    const [notice] = await sendNotices(notices, [{ address: ascii, name: 'Asha Rao' }])
    assert.ok(notice !== undefined)
    const desk = new CheckDesk({ vault: notices, marks: MARKS, reader: reader as NoticeReader })
    for (const address of [ascii, 'asha@m\u00fcnchen.de', 'Asha@M\u00dcNCHEN.DE', 'asha@mu\u0308nchen.de']) {
      assert.equal((await desk.check({ code: notice.code, address })).verdict, 'genuine', address)
      assert.equal((await desk.check({ content: notice.eml, address })).verdict, 'genuine', address)
    }
    assert.equal((await desk.check({ content: notice.eml })).verdict, 'genuine')
    assert.equal((await desk.check({ code: notice.code, address: 'asha@munchen.de' })).verdict, 'not_ours')
  })
})

test('HTML that is nested for its own sake is not read to its end', async () => {
  const page = '<a href=#>'.repeat(290) + '<b>x</b> '.repeat(24_000)
  const mail = `From: a@b.net\r\nTo: v@x.net\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n${page}`
  const { texts, findings } = await readNotice({ bytes: Buffer.from(mail), marks: MARKS, address: undefined })
  assert.ok(findings.some(({ code, values }) => code === 'html_strange' && values.what === 'nesting'))
  assert.ok(texts.flatMap(({ lines }) => lines.flatMap(({ words }) => words)).length < 1000)
})

test('a list of members is known line by line: swapped, added, left out, or in another order it is altered', async () => {
  await withVault(async ({ notices }) => {
    const listed = [{ address: 'mira@acme-group.com' }, { address: 'ravi@acme-group.com' }, { name: 'रवि शर्मा' }]
    const [notice, hindi, other] = await sendNotices(notices, [
      { address: 'boss@acme-group.com', shape: 'organisation_list', listed },
      { address: 'boss@acme-group.in', shape: 'organisation_list', language: 'hi', listed },
      { address: 'boss@other-group.com', shape: 'organisation_list', listed: [{ address: 'kim@other-group.com' }] },
    ])
    assert.ok(notice !== undefined && hindi !== undefined && other !== undefined)
    const desk = new CheckDesk({ vault: notices, marks: MARKS, reader: reader as NoticeReader })
    const verdictOf = async (content: string | Buffer, { address } = notice) =>
      (await desk.check({ content: Buffer.from(content), address })).verdict
    const { text } = notice.mail
    for (const each of [notice, hindi, other]) {
      assert.equal(await verdictOf(each.eml, each), 'genuine')
      assert.equal(await verdictOf(each.mail.text, each), 'genuine')
    }
    const changed: Record<string, string> = {
      swapped: text.replace('mira@', 'evil@'),
      'with one of another list': text.replace('mira@acme-group.com', 'kim@other-group.com'),
      added: text.replace('- ravi@', '- sam@acme-group.com\n\n- ravi@'),
      'left out': text.replace('- ravi@acme-group.com\n\n', ''),
      'another order': text.replace('mira@', 'x@').replace('ravi@', 'mira@').replace('x@', 'ravi@'),
      'another name': text.replace('रवि', 'रवी'),
    }
    for (const [what, content] of Object.entries(changed)) assert.equal(await verdictOf(content), 'altered', what)
    // Mail programs make links of the addresses when somebody forwards it.
    const linked = notice.mail.html.replaceAll(/<li>(\S+@\S+)<\/li>/g, '<li><a href="mailto:$1">$1</a></li>')
    assert.equal(await verdictOf(await composed(notice.mail, notice.address, { html: linked })), 'genuine')
    const elsewhere = linked.replace('mailto:mira@acme-group.com', 'mailto:evil@evil-group.com')
    assert.equal(await verdictOf(await composed(notice.mail, notice.address, { html: elsewhere })), 'altered')
    const behind = (to: string): string => text.replace('mira@acme-group.com', `mira@acme-group.com <mailto:${to}>`)
    assert.equal(await verdictOf(behind('mira@acme-group.com')), 'genuine')
    assert.equal(await verdictOf(behind('evil@evil-group.com')), 'altered')
  })
})
