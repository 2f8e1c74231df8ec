/** The check page as HTML: no scripts, nothing loaded, every value from outside escaped. */
import type { NoticeContact } from '#model/notices-config.ts'
import { PAGE_STYLE } from './page-style.ts'
import type { OfficialMarks } from './read-notice.ts'
import type { Judgement, Verdict } from './verdict.ts'
import { fill, LANGUAGES, reasonText } from './words.ts'
import type { CheckWords } from './words-shape.ts'

export interface PageParts {
  words: CheckWords
  marks: OfficialMarks
  contact: NoticeContact
  /** Absent: only the form. */
  judgement?: Judgement
  /** What was typed, so that a slip can be mended. */
  typed?: { code: string; address: string; hasText: boolean }
}

/** Drawn, not from a font; the words beside each say the same. */
const ICONS: Readonly<Record<Verdict, string>> = {
  genuine: '<path d="M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Z"/><path d="m7.2 12.4 3.2 3.2 6.4-6.8"/>',
  altered: '<path d="M12 3 1.8 20.6h20.4L12 3Z"/><path d="M12 9.4v5.2M12 17.4v.4"/>',
  not_ours: '<path d="M8 2h8l6 6v8l-6 6H8l-6-6V8l6-6Z"/><path d="m8.6 8.6 6.8 6.8m0-6.8-6.8 6.8"/>',
  cannot_tell:
    '<path d="M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20Z"/><path d="M9.2 9.3a2.9 2.9 0 1 1 4.3 2.5c-1 .6-1.5 1.1-1.5 2.1M12 17v.4"/>',
}

export function checkPage(parts: PageParts): string {
  const { words, marks, judgement } = parts
  const said = (text: string): string => escapeHtml(fill(text, { company: marks.company, domain: marks.domain, url: marks.checkUrl }))
  const title = said(judgement === undefined ? words.page.title : words.verdicts[judgement.verdict].title)
  return [
    '<!doctype html>',
    `<html lang="${words.language}">`,
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="robots" content="noindex, nofollow">',
    '<meta name="format-detection" content="telephone=no">',
    `<title>${title}${judgement === undefined ? '' : ` – ${escapeHtml(marks.company)}`}</title>`,
    `<style>${PAGE_STYLE}</style>`,
    '</head>',
    '<body>',
    `<header><p>${escapeHtml(marks.company)}</p>${languages(words)}</header>`,
    '<main>',
    judgement === undefined ? introduction(words, said) : result(judgement, parts, said),
    form(parts, said),
    contactBox(parts),
    '</main>',
    `<footer><p>${said(words.page.here)}</p><p>${said(words.page.kept)}</p></footer>`,
    '</body>',
    '</html>\n',
  ].join('\n')
}

type Said = (text: string) => string

function languages(words: CheckWords): string {
  const items = LANGUAGES.map(({ language, name }) =>
    language === words.language
      ? `<li lang="${language}"><span aria-current="true">${name}</span></li>`
      : `<li lang="${language}"><a href="?lang=${language}" hreflang="${language}">${name}</a></li>`,
  )
  return `<nav aria-label="${escapeHtml(words.page.languages)}"><ul>${items.join('')}</ul></nav>`
}

function introduction({ page }: CheckWords, said: Said): string {
  return `<section class="intro"><h1>${said(page.title)}</h1><p>${said(page.intro)}</p><p>${said(page.safe)}</p></section>`
}

function result(judgement: Judgement, { words, marks }: PageParts, said: Said): string {
  const { verdict, reasons } = judgement
  const { title, lead, next } = words.verdicts[verdict]
  const icon = `<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">${ICONS[verdict]}</svg>`
  const why = reasons.map((reason) => `<li>${escapeHtml(reasonText(words, reason, marks))}</li>`)
  return [
    `<section class="verdict ${verdict}">${icon}<div><h1>${said(title)}</h1><p>${said(lead)}</p></div></section>`,
    `<section><h2>${said(words.page.why)}</h2><ul>${why.join('')}</ul></section>`,
    `<section><h2>${said(words.page.next)}</h2><ul>${next.map((each) => `<li>${said(each)}</li>`).join('')}</ul></section>`,
  ].join('\n')
}

function form({ words, judgement, typed }: PageParts, said: Said): string {
  const { page, language } = words
  const again = judgement === undefined ? '' : `<h2>${said(page.again)}</h2>`
  const value = (text: string | undefined): string => (text === undefined || text === '' ? '' : ` value="${escapeHtml(text)}"`)
  return [
    `<form class="form" method="post" action="?lang=${language}" enctype="multipart/form-data" accept-charset="utf-8">${again}`,
    `<fieldset><legend>${said(page.byCode)}</legend>`,
    `<label for="code">${said(page.code)}</label><p class="hint" id="code-hint">${said(page.codeHint)}</p>`,
    `<input id="code" name="code" type="text" maxlength="200" autocomplete="off" autocapitalize="characters" spellcheck="false" placeholder="BH-" aria-describedby="code-hint"${value(typed?.code)}>`,
    `<label for="address">${said(page.address)}</label><p class="hint" id="address-hint">${said(page.addressHint)}</p>`,
    `<input id="address" name="address" type="text" inputmode="email" maxlength="400" autocomplete="email" autocapitalize="none" spellcheck="false" aria-describedby="address-hint"${value(typed?.address)}>`,
    '</fieldset>',
    `<details${typed?.hasText === true ? ' open' : ''}><summary>${said(page.byText)}</summary><p class="hint">${said(page.byTextHint)}</p>`,
    `<label for="text">${said(page.text)}</label><textarea id="text" name="text" rows="7" autocomplete="off" spellcheck="false"></textarea>`,
    `<label for="mail">${said(page.mail)}</label><p class="hint" id="mail-hint">${said(page.mailHint)}</p>`,
    '<input id="mail" name="mail" type="file" accept=".eml,.txt,message/rfc822,text/plain" aria-describedby="mail-hint"></details>',
    `<button type="submit">${said(page.check)}</button></form>`,
  ].join('\n')
}

function contactBox({ words, contact }: PageParts): string {
  const { page } = words
  const rows: [string, string][] = [[page.team, escapeHtml(contact.team)]]
  if (contact.mail !== undefined) {
    const mail = escapeHtml(contact.mail)
    rows.push([page.write, `<a href="mailto:${mail}">${mail}</a>`])
  }
  if (contact.hours !== undefined) rows.push([page.hours, escapeHtml(contact.hours)])
  if (contact.dpo !== undefined) rows.push([page.officer, escapeHtml(contact.dpo)])
  const list = rows.map(([name, value]) => `<dt>${escapeHtml(name)}</dt><dd>${value}</dd>`).join('')
  return `<section><h2>${escapeHtml(page.contact)}</h2><dl>${list}</dl></section>`
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] as string)
}
