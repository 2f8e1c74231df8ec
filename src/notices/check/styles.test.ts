/** Each thing that a style can do to text, with the nearest value that does it not. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { coloursAfter, declarations, faultOf, faultsOfSheet, isUnreadable, PAPER } from './styles.ts'

function faults(style: string): (string | undefined)[] {
  return declarations(style).map(([property, value]) => faultOf(property, value))
}

test('what hides text is told from what does not', () => {
  const pairs: [hidden: string, seen: string][] = [
    ['display:none', 'display:block'],
    ['visibility:hidden', 'visibility:visible'],
    ['visibility:collapse', 'visibility:inherit'],
    ['opacity:0.29', 'opacity:0.3'],
    ['mso-hide:all', 'mso-hide:none'],
    ['font-size:4.9px', 'font-size:5px'],
    ['font-size:4pt', 'font-size:5pt'],
    ['font-size:39%', 'font-size:40%'],
    ['font-size:0.39em', 'font-size:0.4em'],
    ['font-size:xx-small', 'font-size:small'],
    ['line-height:0.49', 'line-height:0.5'],
    ['line-height:0', 'line-height:normal'],
    ['font:1px serif', 'font:12px serif'],
    ['font:.5pt serif', 'font:14pt serif'],
    ['height:2px', 'height:3px'],
    ['max-height:0', 'max-height:1em'],
    ['width:0', 'width:1%'],
    ['max-width:1px', 'max-width:600px'],
    ['text-indent:-10px', 'text-indent:-9px'],
    ['margin-left:-999em', 'margin-left:9px'],
    ['margin:0 0 -20px', 'margin:0 0 20px'],
    ['letter-spacing:-1px', 'letter-spacing:1px'],
    ['word-spacing:-1px', 'word-spacing:1px'],
    ['position:absolute', 'position:relative'],
    ['position:fixed', 'position:static'],
    ['DISPLAY : NONE ! important', 'DISPLAY : BLOCK ! important'],
  ]
  for (const [hidden, seen] of pairs) assert.deepEqual([faults(hidden), faults(seen)], [['hidden'], [undefined]], hidden)
})

test('what loads something, and what moves, turns or adds text, is named', () => {
  for (const style of ['background:url(x)', 'background:image-set(x)', 'color:@import x', 'width:expression(x)', 'behavior:x'])
    assert.deepEqual(faults(style), ['picture'], style)
  const pairs: [strange: string, plain: string][] = [
    ['float:left', 'color:red'],
    ['col\\6fr:red', 'color:red'],
    ['display:contents', 'display:inline'],
    ['content:"x"', 'content:none'],
    ['text-decoration:line-through', 'text-decoration:underline'],
    ['text-decoration-line:line-through', 'text-decoration-line:none'],
    ['direction:rtl', 'direction:ltr'],
    ['unicode-bidi:bidi-override', 'unicode-bidi:isolate'],
  ]
  for (const [strange, plain] of pairs) assert.deepEqual([faults(strange), faults(plain)], [['strange'], [undefined]], strange)
  assert.deepEqual(faults('/* float:left */ color:red; nothing; a:b:c'), [undefined, 'strange'])
})

test('text in the colour of its ground is unreadable, however the colour is written', () => {
  const isHidden = (style: string, around = ''): boolean =>
    isUnreadable(coloursAfter(coloursAfter(PAPER, declarations(around)), declarations(style)))
  for (const style of [
    'color:#fff',
    'color:#ffffff',
    'color:white',
    'color:#eee',
    'color:rgb(255,255,255)',
    'color:rgb(100%, 100%, 100%)',
    'color:rgba(0,0,0,.2)',
    'color:rgb(0 0 0 / 20%)',
    'color:#0000003f',
    'color:#0003',
    'color:transparent',
    'background:#000',
    'background-color:black',
    'background:black no-repeat',
  ])
    assert.ok(isHidden(style), style)
  for (const style of [
    '',
    'color:#000',
    'color:#666',
    'color:silver',
    'color:rgba(0,0,0,.25)',
    'color:rgb(0 0 0 / 25%)',
    'color:#00000040',
    'color:#abcdef99',
    'color:no-colour',
    'background:transparent',
    'background:#000;color:#fff',
  ])
    assert.ok(!isHidden(style), style)
  assert.deepEqual([isHidden('color:#fff', 'background:#000'), isHidden('color:#000', 'background:#000')], [false, true])
})

test('a sheet is as bad as its rules, those for the night among them', () => {
  const cases: [sheet: string, faults: string[]][] = [
    ['p{color:#000} a{color:#06c}', []],
    ['p{display:none}', ['hidden']],
    ['p{color:#fff}', ['hidden']],
    ['p{color:#fff;background:#000}', []],
    ['p{background:url(x)} a{float:left}', ['picture', 'strange']],
    ['@import "x";', ['picture']],
    ['@font-face{src:x}', ['picture', 'strange']],
    ['@media (prefers-color-scheme: dark){p{color:#eee}}', []],
    ['@media (prefers-color-scheme: dark){p{color:#111}}', ['hidden']],
    ['@media (prefers-color-scheme: dark){p{color:#eee} a{color:#fff}} b{color:#eee}', ['hidden']],
    ['@media (prefers-color-scheme: light){p{color:#eee}}', ['hidden']],
    ['/* p{display:none} */ p{color:#000}', []],
    ['<!-- p{display:none} -->', ['hidden']],
  ]
  for (const [sheet, wrong] of cases) assert.deepEqual(faultsOfSheet(sheet), wrong, sheet)
})
