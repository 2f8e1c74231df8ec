/**
 * Blocks as text and as HTML. In text a paragraph is one line: whoever copies, quotes or forwards it gets it whole, and mail programs
 * wrap it to the reader's width. Items of lists are paragraphs too, so that a check can say which one was changed. The HTML asks
 * nobody for anything: no images, scripts, fonts or styles from elsewhere, one link.
 */
import type { Block } from './blocks.ts'

export function textOf(blocks: readonly Block[]): string {
  return `${blocks.flatMap((block) => (block.kind === 'list' ? block.items.map((item) => `- ${item}`) : [block.text])).join('\n\n')}\n`
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? '')
}

/**
 * Nothing is smaller than 14 px, which is 10.5 points: laws ask for 10. Colours have a contrast of at least 4.5 in both schemes. The check
 * knows it by heart: a released one that is changed here is added to the list in check/plain-html.ts, so that old notices stay genuine.
 */
export const STYLE = [
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
].join('\n')

export interface Page {
  language: string
  dir: 'ltr' | 'rtl'
  title: string
  /** The one address that becomes a link, where the text of a `link` block holds it. */
  url: string
}

export function htmlOf(blocks: readonly Block[], { language, dir, title, url }: Page): string {
  const head = [
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    // Programs on phones make links of what looks like a number or an address; nothing here is meant to be called.
    '<meta name="format-detection" content="telephone=no, date=no, address=no, email=no, url=no">',
    `<title>${escapeHtml(title)}</title>`,
    `<style>\n${STYLE}\n</style>`,
  ]
  const firstSmall = blocks.findIndex(({ kind }) => kind === 'small')
  const body = blocks.map((block, index) => `${index === firstSmall ? '<hr>\n' : ''}${blockHtml(block, url)}`)
  return [
    '<!doctype html>',
    `<html lang="${escapeHtml(language)}" dir="${dir}">`,
    `<head>\n${head.join('\n')}\n</head>`,
    `<body>\n<main>\n${body.join('\n')}\n</main>\n</body>`,
    '</html>\n',
  ].join('\n')
}

function blockHtml(block: Block, url: string): string {
  switch (block.kind) {
    case 'list':
      return `<ul>\n${block.items.map((item) => `<li>${escapeHtml(item)}</li>`).join('\n')}\n</ul>`
    case 'title':
      return `<h1>${escapeHtml(block.text)}</h1>`
    case 'heading':
      return `<h2>${escapeHtml(block.text)}</h2>`
    case 'subheading':
      return `<h3>${escapeHtml(block.text)}</h3>`
    case 'small':
      return `<p class="small">${escapeHtml(block.text)}</p>`
    case 'link': {
      const shown = escapeHtml(url)
      return `<p>${escapeHtml(block.text).replace(shown, () => `<a href="${shown}">${shown}</a>`)}</p>`
    }
    default:
      return `<p>${escapeHtml(block.text)}</p>`
  }
}
