/**
 * What may go into a notice at all. Company, vendor and contact come from the configuration, fields and dates from records; a mistake
 * in one of them must stop the draft, not go to everybody.
 */
import { BulkheadError } from '#base/errors.ts'
import { type NoticePerson, type NoticeShape, type NoticeSubject, parseNoticeCode } from '#model/notice-text.ts'

/** Control, invisible, private and unassigned characters, and the ends of lines that are none of these. */
const HIDDEN = /[\p{C}\u2028\u2029]/u
const LINK = /[a-z][a-z0-9+.-]*:\/\/|www\.|mailto:|javascript:|data:[a-z]+\//iu
const DOMAIN = /^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/u
const TEXT_MAX = 200

export function checkFacts(subject: NoticeSubject, shape: NoticeShape): void {
  const { company, officialDomain, vendor, contact, times, date, checkpoint } = subject
  plain('company', company)
  plain('vendor.name', vendor.name)
  plain('vendor.what', vendor.what)
  plain('contact.team', contact.team)
  plain('contact.mail', contact.mail)
  plain('contact.hours', contact.hours)
  plain('contact.dpo', contact.dpo)
  for (const language of contact.languages ?? []) plain('contact.languages', language)
  for (const surface of shape.surfaces) if (surface !== '') plain('surface', surface)
  plain('checkpoint', checkpoint?.root)
  if (!DOMAIN.test(officialDomain)) throw invalid('officialDomain is no domain name in ASCII')
  checkAddress(subject.checkUrl, officialDomain)
  if (contact.mail !== undefined && !/^[^\s@]+@[^\s@]+$/u.test(contact.mail)) throw invalid('contact.mail is no mail address')
  checkZone(subject.zone)
  for (const [name, at] of Object.entries({ ...times, date, since: subject.checked.since })) checkInstant(name, at)
  if (times.eventFrom !== undefined && times.eventTo !== undefined && times.eventTo < times.eventFrom)
    throw invalid('the breach ends before it begins')
  if (shape.sent.length === 0) throw invalid('nothing was sent of these people')
  const both = shape.sent.find(({ field }) => subject.notSent.includes(field))
  if (both !== undefined) throw invalid(`${both.field} stands among what was sent and what was not`)
}

/** A code that the check page could not read would make a genuine notice look forged. */
export function checkCode({ code }: Pick<NoticePerson, 'code'>): string {
  const parsed = parseNoticeCode(code)
  if (parsed === undefined || parsed.text !== code) throw invalid('the check code is not written as codes are')
  return code
}

function plain(what: string, text: string | undefined): void {
  if (text === undefined) return
  if (text.trim() === '' || text.length > TEXT_MAX) throw invalid(`${what} is empty or longer than ${TEXT_MAX} characters`)
  if (text !== text.trim() || text !== text.normalize('NFC')) throw invalid(`${what} has stray space or is not in Unicode's form NFC`)
  if (HIDDEN.test(text)) throw invalid(`${what} holds a character that nobody sees`)
  if (LINK.test(text)) throw invalid(`${what} holds a link; the one link of a notice is its check page`)
}

function checkAddress(checkUrl: string, domain: string): void {
  const url = URL.parse(checkUrl)
  const isOurs = url !== null && (url.hostname === domain || url.hostname.endsWith(`.${domain}`))
  if (!isOurs || url.protocol !== 'https:') throw invalid(`checkUrl must be an https address at ${domain} or below it`)
  if (checkUrl.length > 100 || !/^https:\/\/[a-z0-9.-]+(?::\d{1,5})?(?:\/[A-Za-z0-9/_.-]*)?$/u.test(checkUrl))
    throw invalid('checkUrl must be an address that can be typed: letters, digits and hyphens, no user, query or fragment')
}

function checkZone(zone: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
  } catch {
    throw invalid('zone is no time zone')
  }
}

function checkInstant(what: string, at: number | undefined): void {
  if (at !== undefined && !(Number.isSafeInteger(at) && Math.abs(at) <= 8.64e15)) throw invalid(`${what} is no instant`)
}

function invalid(message: string): BulkheadError {
  return new BulkheadError('notice_text_invalid', message)
}
