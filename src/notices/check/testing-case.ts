/**
 * What people may hold when they wonder whether a notice is real: as it was sent, carried on, edited, replayed, imitated. Each
 * with the verdict that it must get, and the reasons that must be among those given.
 */
import { composed, type SentNotice } from './testing-check.ts'
import type { ReasonCode, Verdict } from './verdict.ts'

export interface Given {
  code?: string
  address?: string
  content?: string | Buffer
}

export interface CheckCase {
  name: string
  verdict: Verdict
  reasons?: readonly ReasonCode[]
  make(notice: SentNotice, hindi: SentNotice): Given | Promise<Given>
}

const lines = (text: string): string[] => text.split('\n')
export const wrap = (text: string, width: number): string =>
  lines(text)
    .map((line) => line.replace(new RegExp(`(.{1,${width}})(?: +|$)`, 'gu'), '$1\n').trimEnd())
    .join('\n')
export const quote = (text: string, mark = '> '): string => text.replace(/^/gm, mark)
export const textOf = ({ mail, address }: SentNotice, change: (text: string) => string): Given => ({ content: change(mail.text), address })
const htmlMail = (notice: SentNotice, change: (html: string) => string, over = {}): Promise<Buffer> =>
  composed(notice.mail, notice.address, { text: false, html: change(notice.mail.html), isSigned: false, ...over })
export const byHtml = async (notice: SentNotice, change: (html: string) => string, over = {}): Promise<Given> => ({
  content: await htmlMail(notice, change, over),
  address: notice.address,
})
export const inBody = (html: string, more: string): string => html.replace('</main>', `${more}</main>`)
/** Puts something into the middle of a sentence that every notice has. */
export const NEVER = 'We will never ask'

export const gmailHead = (notice: SentNotice): string =>
  `---------- Forwarded message ---------\nFrom: Nimbus Notes security <security@nimbusnotes.com>\nDate: Wed, 26 Nov 2025 at 13:30\nSubject: ${notice.mail.subject}\nTo: <${notice.address}>\n\n\n`
