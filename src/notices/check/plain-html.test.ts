/** Each thing that no notice is made of, by itself: in a whole mail another check may name it too, and hide that this one does not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SHEETS, STYLE } from '#notices/text/sheets.ts'
import { isOurSheet, isWellWritten, type ShapeOfTag, strangeTag } from './plain-html.ts'

const BODY = ['html', 'body', 'main']
const tag = (name: string, attributes: ShapeOfTag['attributes'] = {}, around: readonly string[] = BODY) =>
  strangeTag({ name, attributes, around })

test('of what notices are made, nothing is strange', () => {
  const fine: Parameters<typeof tag>[] = [
    ['p', { class: 'small' }],
    ['a', { href: 'https://company.example/check', target: '_blank', rel: 'noopener noreferrer' }],
    ['blockquote', { class: 'gmail_quote', style: 'margin:0 0 0 .8ex; border-left: 1px #ccc solid; padding-left:1ex' }],
    ['div', { dir: 'ltr' }],
    ['html', { lang: 'ur', dir: 'rtl' }, []],
    ['title', {}, ['html', 'head']],
    ['style', {}, ['html', 'head']],
    ['meta', { charset: 'utf-8' }, ['html', 'head']],
    ['meta', { name: 'format-detection', content: 'telephone=no, date=no, address=no, email=no, url=no' }, ['html', 'head']],
  ]
  for (const given of fine) assert.equal(tag(...given), undefined, JSON.stringify(given))
})

test('an element that no notice has is named, though it would only be shown otherwise', () => {
  for (const name of ['q', 'ol', 'sup', 'sub', 'font', 'pre', 'samp', 'article', 'center', 'dl', 'img', 'x-y'])
    assert.equal(tag(name), name)
})

test('an element where it does not belong is named: programs show it somewhere else', () => {
  const at = (name: string, ...around: string[]) => tag(name, {}, [...BODY, ...around])
  for (const [name, ...around] of [
    // Cells place what is in them: read down, or across?
    ['table'],
    ['td'],
    ['tr', 'div'],
    ['tbody', 'p'],
    ['li', 'p'],
    ['h1', 'h2', 'div'],
    ['title'],
    ['style', 'p'],
  ] as const)
    assert.equal(at(name, ...around), name, [name, ...around].join(' in '))
  assert.equal(at('a', 'a', 'b'), 'a')
})

test('elements that lie deep in each other are named: each may move what is in it', () => {
  const many = (name: string, count: number) => Array.from({ length: count }, () => name)
  assert.deepEqual([tag('p', {}, many('div', 40)), tag('p', {}, many('div', 41))], [undefined, 'nesting'])
  assert.deepEqual([tag('p', {}, many('blockquote', 8)), tag('p', {}, many('blockquote', 9))], [undefined, 'nesting'])
})

test('an attribute, or a value of one, that no notice has is named', () => {
  const strange: [attribute: string, name: string, attributes: ShapeOfTag['attributes']][] = [
    ['class', 'p', { class: 'small evil' }],
    ['style', 'p', { style: 'margin:0;position:relative' }],
    ['style', 'head', { style: 'margin:0' }],
    ['dir', 'p', { dir: 'rtl' }],
    ['dir', 'html', { dir: 'rtl', lang: 'en' }],
    ['lang', 'p', { lang: 'a b' }],
    ['href', 'p', { href: 'https://company.example/check' }],
    ['target', 'a', { target: '_top' }],
    ['target', 'p', { target: '_blank' }],
    ['rel', 'p', { rel: 'noopener' }],
    ['rel', 'a', { rel: 'a="b"' }],
    ['title', 'a', { title: 'Call 1800 200 300' }],
    ['start', 'ul', { start: '5' }],
    ['alt', 'p', { alt: 'x' }],
    ['hidden', 'p', { hidden: '' }],
  ]
  for (const [attribute, name, attributes] of strange) assert.equal(tag(name, attributes), attribute, JSON.stringify(attributes))
})

test('a head that says something else than ours is named', () => {
  for (const attributes of [
    { charset: 'utf-7' },
    { charset: 'utf-8', name: 'viewport' },
    { 'http-equiv': 'refresh', content: '0;url=https://evil.net' },
    { 'http-equiv': 'content-type', content: 'text/html; charset=utf-7' },
    { name: 'viewport', content: 'width=1' },
    { name: 'description', content: 'Call 1800 200 300' },
    { name: 'viewport', content: 'width=device-width, initial-scale=1', media: 'print' },
  ] as ShapeOfTag['attributes'][])
    assert.equal(tag('meta', attributes, ['html', 'head']), 'meta', JSON.stringify(attributes))
})

test('a style sheet is ours whole, or not at all', () => {
  for (const sheet of SHEETS) assert.ok(isOurSheet(sheet))
  assert.ok(isOurSheet(STYLE.replaceAll('\n', '\r\n ')))
  for (const sheet of ['', `${STYLE} p{display:none}`, `p{display:none} ${STYLE}`, STYLE.slice(0, -1)]) assert.ok(!isOurSheet(sheet), sheet)
})

test('tags that programs would end at different places are no tags of ours', () => {
  assert.ok(isWellWritten('<!doctype html><html lang="en"><body><p class=small>a &lt; b</p><br/></body></html>'))
  for (const html of ['<p', '<p title="<b>">', '<p title="a>b</p>', 'a < b', '<!-- x -->', '<p/class=x>', '<p title=\'a"b>'])
    assert.ok(!isWellWritten(html), html)
})
