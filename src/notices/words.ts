/** The texts of notices, as the parts that make versions and send them see them. */
import { approvedText, previewNotice, renderNotice } from './text/render.ts'
import type { NoticeTemplates } from './text/templates.ts'
import type { NoticeLanguage, NoticeMail, NoticePerson, NoticeShape, NoticeSubject } from '#model/notice-text.ts'

export interface NoticeWords {
  languages: readonly NoticeLanguage[]
  /** `wanted` where there are texts in it, else `fallback`. */
  languageFor(wanted: string, fallback: NoticeLanguage): NoticeLanguage
  /** Pure. Quick when it is called with the same objects for subject and shape again and again. */
  render(language: NoticeLanguage, subject: NoticeSubject, shape: NoticeShape, person: NoticePerson): NoticeMail
  /** With words in place of what is of one person. Throws `notice_text_invalid`. */
  preview(language: NoticeLanguage, subject: NoticeSubject, shape: NoticeShape): NoticeMail
  /** What is approved of it. */
  approved(language: NoticeLanguage, subject: NoticeSubject, shape: NoticeShape): string
}

export function noticeWords(templates: NoticeTemplates): NoticeWords {
  return {
    languages: templates.languages,
    languageFor: (wanted, fallback) => templates.languageFor(wanted, fallback),
    render: (language, subject, shape, person) => renderNotice(templates, language, subject, shape, person),
    preview: (language, subject, shape) => previewNotice(templates, language, subject, shape),
    approved: (language, subject, shape) => approvedText(templates, language, subject, shape),
  }
}
