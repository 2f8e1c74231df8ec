/** Notices are checked for years: what they were made of once stays known, however they are made later. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Block } from '#notices/text/blocks.ts'
import { htmlOf } from '#notices/text/layout.ts'
import { SHEETS } from '#notices/text/sheets.ts'
import { readHtml } from './html-text.ts'
import { Findings } from './read-notice.ts'
import { MARKS } from './testing-check.ts'

const BLOCKS: readonly Block[] = [
  { kind: 'title', text: 'A title' },
  { kind: 'heading', text: 'A heading' },
  { kind: 'subheading', text: 'A smaller one' },
  { kind: 'paragraph', text: 'Words & more' },
  { kind: 'list', items: ['one', 'two'] },
  { kind: 'link', text: `At ${MARKS.checkUrl} it is checked.` },
  { kind: 'small', text: 'Small words' },
] as const

const page = (sheet: string, body: string): string =>
  `<!doctype html>\n<html lang="en" dir="ltr">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n<meta name="format-detection" content="telephone=no, date=no, address=no, email=no, url=no">\n<title>A title</title>\n<style>\n${sheet}\n</style>\n</head>\n<body>\n<main>\n${body}\n</main>\n</body>\n</html>\n`

/** The pages of `BLOCKS`, oldest first: when the making of pages changes, what comes out is appended, and nothing here is changed. */
const RELEASED = [
  page(
    SHEETS[0],
    '<h1>A title</h1>\n<h2>A heading</h2>\n<h3>A smaller one</h3>\n<p>Words &amp; more</p>\n<ul>\n<li>one</li>\n<li>two</li>\n</ul>\n<p>At <a href="https://nimbusnotes.com/check">https://nimbusnotes.com/check</a> it is checked.</p>\n<hr>\n<p class="small">Small words</p>',
  ),
]

test('each page that was ever made is known without a fault, and what is made now stands among them', () => {
  const made = htmlOf(BLOCKS, { language: 'en', dir: 'ltr', title: 'A title', url: MARKS.checkUrl })
  assert.equal(RELEASED.at(-1), made, 'append the new page to RELEASED')
  for (const html of RELEASED) {
    const findings = new Findings()
    readHtml(html, { marks: MARKS, recipients: [], findings, subject: 'A title' })
    assert.deepEqual(findings.all(), [])
  }
})
