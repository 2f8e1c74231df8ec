/**
 * A notice as the person gets it. What is the same for everybody of a version, shape and language is made once; a person's greeting
 * and code are put into it after. Pure: the same facts give the same bytes.
 */
import { createHash } from 'node:crypto'
import {
  canonicalParagraphs,
  type NoticeLanguage,
  type NoticeMail,
  type NoticePerson,
  type NoticeShape,
  type NoticeSubject,
} from '#model/notice-text.ts'
import { noticeBlocks, SLOTS } from './blocks.ts'
import { checkCode, checkFacts } from './facts.ts'
import { greetingName, organisationName } from './greeting.ts'
import { escapeHtml, htmlOf, textOf } from './layout.ts'
import { type MemberItems, MEMBERS_LISTED_MAX, memberItems, memberPlaceholders } from './members.ts'
import { Phrases } from './phrases.ts'
import type { NoticeTemplates, Voice } from './templates.ts'

/** One person's words, each as the whole line in which it stands. */
interface PersonalLines {
  greeting: string
  organisation: string
  code: string
  /** The greeting in HTML, where a name keeps to its own direction. */
  greetingHtml: string
  codeHtml: string
  /** Items of the list of members. */
  members: MemberItems
}

interface CompiledNotice {
  phrases: Phrases
  subjectLine: string
  text: readonly string[]
  html: readonly string[]
  common: readonly string[]
}

/** `subject` and `shape` are known by identity: pass the same objects for all people of a version. */
export function renderNotice(
  templates: NoticeTemplates,
  language: NoticeLanguage,
  subject: NoticeSubject,
  shape: NoticeShape,
  person: NoticePerson,
): NoticeMail {
  const compiled = compiledFor(templates, language, subject, shape)
  const { phrases } = compiled
  const name = greetingName(person.name)
  return mailOf(compiled, {
    ...greetingLines(phrases, name),
    ...codeLines(phrases, checkCode(person)),
    organisation: shape.kind === 'person' ? '' : membersLine(phrases, person),
    members: shape.memberList === true ? memberItems(phrases, person.organisation) : NO_MEMBERS,
  })
}

/** The exact text with placeholders for what is one person's. */
export function previewNotice(
  templates: NoticeTemplates,
  language: NoticeLanguage,
  subject: NoticeSubject,
  shape: NoticeShape,
): NoticeMail {
  const compiled = compiledFor(templates, language, subject, shape)
  const { phrases } = compiled
  return mailOf(compiled, {
    ...greetingLines(phrases, phrases.placeholder('name')),
    ...codeLines(phrases, phrases.placeholder('code')),
    organisation: phrases.count('members.named', 2, {
      organisation: phrases.placeholder('organisation'),
      count: phrases.placeholder('members'),
    }),
    members: memberPlaceholders(phrases),
  })
}

/** What a second person approves, for one shape in one language: every byte that any mail of it can hold but names and codes. */
export function approvedText(templates: NoticeTemplates, language: NoticeLanguage, subject: NoticeSubject, shape: NoticeShape): string {
  const preview = previewNotice(templates, language, subject, shape)
  const { phrases } = compiledFor(templates, language, subject, shape)
  const others = [
    greetingLines(phrases, undefined).greeting,
    ...(shape.kind === 'person' ? [] : (['members.named', 'members.unnamed'] as const).flatMap((key) => phrases.countForms(key))),
    ...(shape.memberList === true ? listForms(phrases) : []),
  ]
  const htmlHash = createHash('sha256').update(preview.html).digest('hex')
  return [`${language} ${shape.kind} ${shape.key}`, preview.subject, preview.text, ...others, htmlHash, ''].join('\n')
}

/** How members are listed: by address, else by name, else counted; who they are is in the list of recipients. */
function listForms(phrases: Phrases): string[] {
  const name = phrases.say('members.name', { name: phrases.placeholder('name') })
  return [name, ...phrases.countForms('members.others'), `at most ${MEMBERS_LISTED_MAX} members`]
}

type OfLanguage = Map<NoticeLanguage, CompiledNotice>
const compiledNotices = new WeakMap<NoticeTemplates, WeakMap<NoticeSubject, WeakMap<NoticeShape, OfLanguage>>>()

function compiledFor(templates: NoticeTemplates, language: NoticeLanguage, subject: NoticeSubject, shape: NoticeShape): CompiledNotice {
  const bySubject = compiledNotices.get(templates) ?? new WeakMap<NoticeSubject, WeakMap<NoticeShape, OfLanguage>>()
  compiledNotices.set(templates, bySubject)
  const byShape = bySubject.get(subject) ?? new WeakMap<NoticeShape, OfLanguage>()
  bySubject.set(subject, byShape)
  const byLanguage = byShape.get(shape) ?? new Map<NoticeLanguage, CompiledNotice>()
  byShape.set(shape, byLanguage)
  const compiled = byLanguage.get(language) ?? compile(templates, language, subject, shape)
  byLanguage.set(language, compiled)
  return compiled
}

const NO_MEMBERS: MemberItems = { text: [], html: [] }
const ANY_SLOT = new RegExp(`([${Object.values(SLOTS).join('')}])`, 'u')

function compile(templates: NoticeTemplates, language: NoticeLanguage, subject: NoticeSubject, shape: NoticeShape): CompiledNotice {
  checkFacts(subject, shape)
  const voice: Voice = shape.kind === 'person' ? 'you' : 'they'
  const phrases = new Phrases(templates.get(language), subject.zone)
  const blocks = noticeBlocks(phrases, subject, shape)
  const subjectLine = phrases.say(`subject.${voice}`, { company: subject.company })
  const text = textOf(blocks)
  return {
    phrases,
    subjectLine,
    text: text.split(ANY_SLOT),
    html: htmlOf(blocks, { language, dir: phrases.dir, title: subjectLine, url: subject.checkUrl }).split(ANY_SLOT),
    common: canonicalParagraphs(text).filter((paragraph) => !ANY_SLOT.test(paragraph)),
  }
}

function greetingLines(phrases: Phrases, name: string | undefined): Pick<PersonalLines, 'greeting' | 'greetingHtml'> {
  if (name === undefined) {
    const greeting = phrases.say('greeting.unnamed')
    return { greeting, greetingHtml: escapeHtml(greeting) }
  }
  const around = escapeHtml(phrases.say('greeting.named', { name: SLOTS.greeting }))
  return {
    greeting: phrases.say('greeting.named', { name }),
    greetingHtml: around.replace(SLOTS.greeting, () => `<bdi>${escapeHtml(name)}</bdi>`),
  }
}

function codeLines(phrases: Phrases, code: string): Pick<PersonalLines, 'code' | 'codeHtml'> {
  const around = escapeHtml(phrases.say('more.code', { code: SLOTS.code }))
  return {
    code: phrases.say('more.code', { code }),
    codeHtml: around.replace(SLOTS.code, () => `<b class="code">${escapeHtml(code)}</b>`),
  }
}

function membersLine(phrases: Phrases, { organisation }: NoticePerson): string {
  const name = organisationName(organisation?.name)
  const members = organisation?.members ?? 0
  if (name === undefined) return phrases.count('members.unnamed', members)
  return phrases.count('members.named', members, { organisation: name })
}

function mailOf({ subjectLine, text, html, common }: CompiledNotice, lines: PersonalLines): NoticeMail {
  const inText = new Map<string, string>([
    [SLOTS.greeting, lines.greeting],
    [SLOTS.code, lines.code],
    [SLOTS.organisation, lines.organisation],
    [SLOTS.members, lines.members.text.join('\n\n- ')],
  ])
  const inHtml = new Map<string, string>([
    [SLOTS.greeting, lines.greetingHtml],
    [SLOTS.code, lines.codeHtml],
    [SLOTS.organisation, escapeHtml(lines.organisation)],
    [SLOTS.members, lines.members.html.join('</li>\n<li>')],
  ])
  const personal = [lines.greeting, lines.organisation, ...lines.members.text, lines.code]
  return {
    subject: subjectLine,
    text: text.map((part) => inText.get(part) ?? part).join(''),
    html: html.map((part) => inHtml.get(part) ?? part).join(''),
    common,
    personal: personal.flatMap((line) => (line === '' ? [] : canonicalParagraphs(line))),
  }
}
