/**
 * The style sheets of notices, oldest first; the last one is what is sent. The check knows each by heart, and people check notices
 * for years: a look is changed by appending a sheet, never by changing one that stands here.
 *
 * Nothing is smaller than 14 px, which is 10.5 points: laws ask for 10. Colours have a contrast of at least 4.5 in both schemes.
 */
export const SHEETS: readonly [string, ...string[]] = [
  [
    'body{margin:0;padding:0;background:#eef1f4;color:#1c2126;font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Noto Sans Devanagari","Nirmala UI","Kohinoor Devanagari",Mangal,sans-serif}',
    'main{max-width:38em;margin:0 auto;padding:20px 18px 28px;background:#fff;overflow-wrap:break-word}',
    'h1{font-size:23px;line-height:1.3;margin:4px 0 18px}',
    'h2{font-size:19px;line-height:1.35;margin:30px 0 8px}',
    'h3{font-size:16px;line-height:1.4;margin:22px 0 6px}',
    'p{margin:0 0 12px}',
    'ul{margin:0 0 12px;padding:0;padding-inline-start:1.25em}',
    'li{margin:0 0 7px}',
    'b.code{display:inline-block;font:600 16px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}',
    'a{color:#0a58a8}',
    'p.small{font-size:14px;line-height:1.5;color:#545d66;overflow-wrap:anywhere}',
    'h2+p,h3+p{margin-top:0}',
    'hr{border:0;border-top:1px solid #ccd2d8;margin:24px 0 14px}',
    '@media(min-width:700px){main{margin:24px auto;padding:28px 36px 36px;border-radius:8px}}',
    '@media(prefers-color-scheme:dark){body{background:#101316;color:#e6e9ec}main{background:#1a1e23}a{color:#86bdf5}p.small{color:#a3acb5}hr{border-top-color:#3a424a}}',
  ].join('\n'),
]

export const STYLE: string = SHEETS.at(-1) ?? SHEETS[0]
