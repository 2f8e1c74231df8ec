/**
 * Blocks as text and as HTML. In text a paragraph is one line: whoever copies, quotes or forwards it gets it whole, and mail programs
 * wrap it to the reader's width. Items of lists are paragraphs too, so that a check can say which one was changed. The HTML asks
 * nobody for anything: no images, scripts, fonts or styles from elsewhere, one link.
 */
import type { Block } from './blocks.ts'
import { STYLE } from './sheets.ts'

export function textOf(blocks: readonly Block[]): string {
  return `${blocks.flatMap((block) => (block.kind === 'list' ? block.items.map((item) => `- ${item}`) : [block.text])).join('\n\n')}\n`
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? '')
}

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
