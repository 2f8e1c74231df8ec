/** What a language needs for the check page and `notice check`. */
import type { ReasonCode, Verdict } from './verdict.ts'

export interface CheckWords {
  language: string
  /** Of the language, in itself. */
  name: string
  reasons: Readonly<Record<ReasonCode, string>>
  verdicts: Readonly<Record<Verdict, { title: string; lead: string; next: readonly string[] }>>
  page: {
    title: string
    intro: string
    safe: string
    byCode: string
    code: string
    codeHint: string
    address: string
    addressHint: string
    byText: string
    byTextHint: string
    text: string
    mail: string
    mailHint: string
    check: string
    why: string
    next: string
    again: string
    languages: string
    contact: string
    team: string
    write: string
    hours: string
    officer: string
    kept: string
    here: string
    failed: string
  }
}
