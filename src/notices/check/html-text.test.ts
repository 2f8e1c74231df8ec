/** What is said of each thing in an HTML mail, and nothing besides, and the text that is left. In whole mails one finding hides another. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readHtml } from './html-text.ts'
import { Findings } from './read-notice.ts'
import { MARKS } from './testing-check.ts'

function found(html: string): [text: string, ...findings: string[]] {
  const findings = new Findings()
  const text = readHtml(html, { marks: MARKS, recipients: ['mira@b.net'], findings, subject: 'A notice' })
  const seen = text.split(/\s*\n\s*/).filter((line) => line !== '')
  return [seen.join('/'), ...findings.all().map(({ code, values }) => [code, ...Object.values(values)].join(' '))]
}

function each(cases: readonly [html: string, text: string, ...findings: string[]][]): void {
  for (const [html, ...expected] of cases) assert.deepEqual(found(html), expected, html.slice(0, 100))
}

const page = (head: string, body = '<p>a</p>'): string => `<html><head>${head}</head><body>${body}</body></html>`

test('of what notices are made nothing is said, and their words part where they are seen to part', () => {
  each([
    ['<!DOCTYPE html><p>a\n  b\tc</p>', 'a b c'],
    ['<p>a<br>b</p><h2>c</h2><div>d</div>', 'a/b/c/d'],
    ['<p>a <b>b</b> c<span>d</span></p>', 'a b cd'],
    ['<main><p>a</p></main>x', 'a/x'],
    ['<p>a', 'a'],
    ['<div><p>a', 'a'],
    ['<ul><li>a<li><b>b</b></ul>', 'a/b'],
    [page('<title>A notice</title>'), 'a'],
    ['<p><b>a</b><b> b</b></p>', 'a b'],
    ['<p><b></b>ab</p>', 'ab'],
    ['<b><p>a</p></b>', 'a'],
  ])
})

test('an edge that is seen within a word, or is none to some programs, is named', () => {
  each([
    ['<p>pass<b>word</b></p>', 'password', 'html_strange pass|word'],
    ['<p><b>pass</b>word</p>', 'password', 'html_strange pass|word'],
    ['<p><b>pa</b><i></i>ss</p>', 'pass', 'html_strange pa|ss'],
    ['a<main>b</main>', 'a/b', 'html_strange main'],
    ['<main>b</main>', 'b', 'html_strange main'],
    ['a<main><p>b</p></main>', 'a/b', 'html_strange main'],
    ['<p>a<wbr>b</p>', 'ab', 'html_strange wbr'],
    ['<table><tr><td>a</td><td>b</td></tr></table>', 'a  b', 'html_strange table', 'html_strange tr', 'html_strange td'],
  ])
})

test('text that nobody sees is no text, and is named', () => {
  each([
    ['<div hidden><p>a</p></div>', '', 'html_strange hidden', 'html_hidden a'],
    ['<div hidden><div><p>a</p></div></div>b', 'b', 'html_strange hidden', 'html_hidden a'],
    ['<div style="display:none"><p>a</p> </div>', '', 'html_strange style', 'html_hidden a'],
    ['<p style="margin:0;color:#fff">a</p>', '', 'html_strange style', 'html_hidden a'],
    ['<p color="white">a</p>', '', 'html_strange color', 'html_hidden a'],
    ['<p bgcolor="black">a</p>', '', 'html_strange bgcolor', 'html_hidden a'],
    ['<div style="background:#000"><div style="color:#fff"><p>a</p></div></div>', 'a', 'html_strange style'],
    ['<font size="0">a</font>', 'a', 'html_hidden <font>'],
    ['<font size="-3">a</font>', 'a', 'html_hidden <font>'],
    ['<font size="3">a</font>', 'a', 'html_strange font'],
  ])
})

test('what loads, acts, asks or is drawn is named as what it is', () => {
  each([
    ['<p style="background:url(x)">a</p>', 'a', 'html_picture'],
    ['<p style="float:left">a</p>', 'a', 'html_strange float'],
    ['<p background="x">a</p>', 'a', 'html_picture'],
    ['<p src="x">a</p>', 'a', 'html_picture'],
    ['<p srcset="x">a</p>', 'a', 'html_picture'],
    ['<img>', '', 'html_picture'],
    ['<p onclick="x">a</p>', 'a', 'html_active onclick'],
    ['<script>x</script>', '', 'html_active script'],
    [page('<meta http-equiv="refresh" content="0">'), 'a', 'html_active meta'],
    [page('<meta http-equiv="Set-Cookie" content="a=b">'), 'a', 'html_active meta'],
    ['<p ping="x">a</p>', 'a', 'html_form'],
    ['<p action="x">a</p>', 'a', 'html_form'],
    ['<p formaction="x">a</p>', 'a', 'html_form'],
    ['<form>a</form>', 'a', 'html_form'],
    ['<blink>a</blink>', 'a', 'html_strange blink'],
  ])
})

test('a sheet that is not ours is named by what it does', () => {
  each([
    [page('<style>p{display:none}</style>'), 'a', 'html_hidden <style>'],
    [page('<style>p{background:url(x)}</style>'), 'a', 'html_picture'],
    [page('<style>p{float:left}</style>'), 'a', 'html_strange <style>'],
    [page('<style>p{margin:0}</style>'), 'a', 'html_strange <style>'],
    [page('<style>p{display:none;float:left}</style>'), 'a', 'html_hidden <style>', 'html_strange <style>'],
  ])
})

test('a title is that of the mail, in the head, and is no text', () => {
  each([
    [page('<title>Call us</title>'), 'a', 'html_strange Call us'],
    [page('<title></title>'), 'a'],
    ['<title>A notice</title>', '', 'html_strange title'],
  ])
})

test('text from the right is for those who read from there', () => {
  each([
    ['<p dir="rtl">a</p>', 'a', 'html_strange dir'],
    ['<html dir="rtl" lang="ur"><body><p>a</p></body></html>', 'a', 'html_strange dir'],
    ['<html dir="rtl" lang="ur"><body><p>اردو</p></body></html>', 'اردو'],
  ])
})

test('a link leads where its words say, or it is named', () => {
  const check = 'https://nimbusnotes.com/check'
  each([
    [`<a href="${check}">www.nimbusnotes.com</a>`, 'www.nimbusnotes.com'],
    [`<a href="${check}">here</a>`, 'here'],
    [`<a href="${check}">a@evil.net</a>`, 'a@evil.net'],
    [`<a href="${check}">evil.net</a>`, 'evil.net', 'link_unlike_text evil.net nimbusnotes.com'],
    [`<a href="${check}"><b>evil</b>.net</a>`, 'evil.net', 'link_unlike_text evil.net nimbusnotes.com'],
    ['<a href="https://evil.net">evil.net</a>', 'evil.net', 'link_foreign evil.net'],
    ['<a href="mailto:mira@a.net">MIRA@a.net </a>', 'MIRA@a.net '.trimEnd() + ' '],
    ['<a href="mailto:evil@a.net">mira@a.net</a>', 'mira@a.net', 'link_foreign evil@a.net'],
    // A long passage is no name of a host.
    [`<a href="${check}">${'word '.repeat(120)}evil.net</a>`, `${'word '.repeat(120)}evil.net`],
  ])
  each([[`<a href="${check}">${'<b>word</b> '.repeat(200)}evil.net</a>`, `${'word '.repeat(200)}evil.net`]])
  const filtered = 'https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fnimbusnotes.com%2Fcheck&data=1&sdata=1&reserved=0'
  each([[`<a href="${filtered}">nimbusnotes.com</a>`, 'nimbusnotes.com', 'link_filtered eur01.safelinks.protection.outlook.com']])
})

test('no more is said than somebody reads', () => {
  const tags = Array.from({ length: 20 }, (_, index) => `<x-${index}></x-${index}>`).join('')
  assert.equal(found(tags).length - 1, 12)
})

test('what browsers would mend is named, and what stands behind the end', () => {
  each([
    ['a < b', 'a < b', 'html_strange <'],
    ['<p><b>a</p></b>', 'a', 'html_strange b', 'html_strange p'],
    ['<div><b>a</div></b>', 'a', 'html_strange b', 'html_strange div'],
    ['<p class="small" class="code">a</p>', 'a', 'html_strange class'],
    ['<p>a<!-- x --></p>', 'a', 'html_strange <', 'html_strange <!-- x'],
    ['<?xml version="1.0"?><p>a</p>', 'a', 'html_strange <', 'html_strange ?xml'],
    [`${page('')}<p>b</p>`, 'a/b', 'html_strange p', 'html_strange b'],
    [`${page('')}b`, 'a/b', 'html_strange b'],
    [`${page('')} \n`, 'a'],
  ])
})

test('many lines, marks of lists, gaps, tied words and nests draw or hide, few do not', () => {
  const gap = '⏎'
  each([
    ['<hr>'.repeat(16), ''],
    ['<hr>'.repeat(17), '', 'html_strange hr'],
    ['<blockquote>a</blockquote>'.repeat(16), Array.from({ length: 16 }, () => 'a').join('/')],
    ['<blockquote>a</blockquote>'.repeat(17), Array.from({ length: 17 }, () => 'a').join('/'), 'html_strange hr'],
    ['<ul><li></li></ul>', '', 'html_strange li'],
    ['<ul><li>•</li></ul>', '•', 'html_strange li'],
    [`<p>a</p>${'<p></p>'.repeat(19)}<p>b</p>`, 'a/b'],
    [`<p>a</p>${'<p></p>'.repeat(20)}<p>b</p>`, 'a/b', `html_strange ${gap}`],
    [`<p>a</p>${'<p></p>'.repeat(15)}<p>b</p>${'<p></p>'.repeat(15)}<p>c</p>`, 'a/b/c'],
    [`<p>${' '.repeat(80_000)}a</p>`, 'a'],
    [`<p>${' '.repeat(95_000)}a</p>`, 'a', `html_strange ${gap}`],
    ['a&nbsp;b&nbsp;c&nbsp;d&nbsp;e&nbsp;f&nbsp;g', 'a\u00a0b\u00a0c\u00a0d\u00a0e\u00a0f\u00a0g'],
    ['a&nbsp;b&nbsp;c&nbsp;d&nbsp;e&nbsp;f&nbsp;g&nbsp;h', 'a\u00a0b\u00a0c\u00a0d\u00a0e\u00a0f\u00a0g\u00a0h', 'html_strange &nbsp;'],
    ['<div>'.repeat(70), '', 'html_strange nesting'],
  ])
})
