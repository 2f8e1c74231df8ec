/** The look of the check page. One sheet in the page itself: nothing is loaded, from here or elsewhere. */
import { createHash } from 'node:crypto'

export const PAGE_STYLE = `
:root{color-scheme:light dark;--paper:#f4f6f8;--card:#fff;--ink:#1b2330;--soft:#4d5868;--line:#c3cbd6;--accent:#0b57c2;--on-accent:#fff;
--good:#0d6b3c;--good-soft:#e5f4ec;--warn:#8a4b00;--warn-soft:#fff2dc;--bad:#a81e22;--bad-soft:#fdeaea;--open:#3d4a61;
--open-soft:#e8ecf3}
@media(prefers-color-scheme:dark){:root{--paper:#0f1319;--card:#181e27;--ink:#e9edf3;--soft:#a9b4c3;--line:#4a5566;--accent:#8ab8ff;
--on-accent:#0b1a30;
--good:#7fd8a6;--good-soft:#12291e;--warn:#f2bd71;--warn-soft:#2e2412;--bad:#ff9d99;--bad-soft:#341a1c;--open:#b9c5d8;
--open-soft:#202936}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:1.0625rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",
"Noto Sans Devanagari","Nirmala UI","Kohinoor Devanagari",Mangal,sans-serif;overflow-wrap:break-word}
header,main,footer{max-width:42rem;margin:0 auto;padding:0 1.125rem}
header{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;align-items:baseline;justify-content:space-between;padding-top:1.125rem;
padding-bottom:.875rem}
header p{margin:0;font-weight:650}
nav ul{display:flex;gap:1.125rem;margin:0;padding:0;list-style:none}
nav a,nav span{display:inline-block;padding:.25rem 0}
nav span{font-weight:650}
a{color:var(--accent)}
h1{font-size:1.625rem;line-height:1.3;margin:0 0 .5rem}
h2{font-size:1.1875rem;line-height:1.4;margin:0 0 .5rem}
:lang(hi) h1,h1:lang(hi){line-height:1.45}
section,.form{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1.25rem 1.25rem 1.375rem;
margin:0 0 1.125rem}
section p:last-child,section ul:last-child{margin-bottom:0}
.intro{background:none;border:0;padding:.25rem 0 0}
.intro p{color:var(--soft);margin:0 0 .25rem}
ul{margin:0 0 1rem;padding-left:1.25rem}
li{margin:0 0 .5rem}
section li:last-child{margin-bottom:0}
.verdict{border-width:2px;border-left-width:.5rem;display:grid;grid-template-columns:auto 1fr;gap:0 1rem;align-items:start}
.verdict svg{width:2.75rem;height:2.75rem;margin-top:.125rem}
.verdict p{margin:0}
.genuine{border-color:var(--good);background:var(--good-soft)}.genuine svg,.genuine h1{color:var(--good)}
.altered{border-color:var(--warn);background:var(--warn-soft)}.altered svg,.altered h1{color:var(--warn)}
.not_ours{border-color:var(--bad);background:var(--bad-soft)}.not_ours svg,.not_ours h1{color:var(--bad)}
.cannot_tell{border-color:var(--open);background:var(--open-soft)}.cannot_tell svg,.cannot_tell h1{color:var(--open)}
fieldset{border:0;margin:0 0 1rem;padding:0;min-width:0}
legend{padding:0;font-size:1.1875rem;font-weight:650;margin:0 0 .5rem}
label{display:block;font-weight:600;margin:.875rem 0 0}
.hint{color:var(--soft);font-size:.9375rem;margin:0 0 .375rem}
input,textarea{width:100%;font:inherit;color:inherit;background:var(--paper);border:1px solid var(--soft);border-radius:.5rem;
padding:.625rem .75rem}
input[name=code]{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;letter-spacing:.02em}
input[type=file]{border-style:dashed;font-size:.9375rem}
label+textarea{margin-top:.375rem}
textarea{min-height:9rem;resize:vertical}
details{border-top:1px solid var(--line);padding-top:.875rem;margin:0 0 1.125rem}
summary{font-weight:650;cursor:pointer;padding:.25rem 0}
button{font:inherit;font-weight:650;color:var(--on-accent);background:var(--accent);border:2px solid var(--accent);
border-radius:.5rem;padding:.6875rem 1.75rem;cursor:pointer}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem;margin:0}
dt{color:var(--soft)}dd{margin:0;min-width:0}
footer{color:var(--soft);font-size:.9375rem;padding-bottom:2.5rem}
footer p{margin:0 0 .5rem}
@media(max-width:26rem){section,.form{padding-left:1rem;padding-right:1rem}.intro{padding-left:0;padding-right:0}
input{padding-left:.625rem;padding-right:.625rem}
input[name=code]:not(:focus){font-size:.875rem;letter-spacing:0}
dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}button{width:100%}h1{font-size:1.4375rem}.verdict{
gap:0 .75rem}.verdict svg{width:2.25rem;height:2.25rem}}
@media(forced-colors:active){.verdict{border-color:CanvasText}}
@media print{body{background:#fff}.form,nav{display:none}}
`

export const PAGE_STYLE_HASH = `'sha256-${createHash('sha256').update(PAGE_STYLE).digest('base64')}'`
