/**
 * A version of notices before anybody is told: who gets which text in which language. Everybody in scope whom no earlier version tells
 * and who can be reached under an address from a server or the directory; devices of nobody in particular are in no exposure, and who
 * was erased can be told by nobody. Its texts are fixed by what stands in `content`, and approved by their hash.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#base/canonical-json.ts'
import type { Ordinal } from '#model/log-entry.ts'
import type { ExposedField, NoticeShape, NoticeSubject } from '#model/notice-text.ts'
import type { NewRecipient, PeopleTold } from '#records/notice-rows.ts'
import type { NoticeOpener, ReachablePerson } from '#vault/notice-opening-port.ts'
import type { Look } from '#vault/port.ts'
import { placeOf } from './groups.ts'
import { MEMBERS_LISTED_MAX } from './text/members.ts'
import type { NoticeWords } from './words.ts'

/** Who is to be told what, as the incident has it. */
export interface ExposedPeople {
  exposures: readonly { sent: readonly { field: string; form: string }[]; possibleOnly: boolean }[]
  of: ReadonlyMap<Ordinal, number>
  organisations: ReadonlyMap<Ordinal, { members: readonly Ordinal[]; administrators: readonly Ordinal[] }>
  people: { personOf(ordinal: Ordinal): Ordinal; identifiersOf(person: Ordinal): readonly Ordinal[] }
}

/** All that the texts of a version are made of. */
export interface NoticeContent {
  subject: NoticeSubject
  shapes: NoticeShape[]
  /** As it was asked for: `auto`, or one for all. */
  asked: string
  /** In each of these every shape has a text. */
  languages: string[]
  /** Of who gets what, so that two versions can be compared. */
  recipientsSha256: string
}

export interface Draft {
  content: NoticeContent
  sha256: string
  recipients: NewRecipient[]
  /** Without an address: they are on record, since the administrators of their organisations are told of them. */
  unreachable: NewRecipient[]
  noAddress: number
  erased: number
}

export interface DraftQuestion {
  subject: NoticeSubject
  exposed: ExposedPeople
  /** `auto`: each person's own language. */
  language: string
  defaultLanguage: string
  /** People in earlier versions, by the numbers that they had then: who was reached, and of whom administrators were told. */
  told: PeopleTold
  /** The surface through which all of it was sent; undefined: there are several. */
  surface: string | undefined
  isFreeText(field: string): boolean
  /** Whether administrators get the list of their members in the notice. */
  listsMembers: boolean
}

const PEOPLE_A_CALL = 1000

export async function makeDraft(asked: DraftQuestion, ports: { vault: NoticeOpener; words: NoticeWords }, look: Look): Promise<Draft> {
  const { exposed, subject, told } = asked
  const { personOf, identifiersOf } = bound(exposed.people)
  const asNow = (people: Float64Array): Set<Ordinal> => new Set(Array.from(people, (person) => personOf(person)))
  const before = asNow(told.reached)
  const counted = asNow(told.counted)
  const people = [...exposed.of.keys()].filter((person) => !before.has(person)).sort((a, b) => a - b)
  const added = new Set(people.filter((person) => !counted.has(person)))
  const administrators = administratorsOf(exposed, added, owedTo(told, personOf))
  // Who was told since somebody's administrator waits, and may be erased by now.
  const lists = new Set(administrators.map(({ members }) => members))
  const earlier = [...new Set([...lists].flatMap((members) => members.filter((member) => before.has(member))))]
  const asks = [...people, ...administrators.map(({ person }) => person), ...earlier].map((person) => [...identifiersOf(person)])
  const found: ReachablePerson[] = []
  for (let start = 0; start < asks.length; start += PEOPLE_A_CALL) {
    found.push(...(await ports.vault.findReachable(subject.versionId, asks.slice(start, start + PEOPLE_A_CALL), look)))
  }
  const shapes = new ShapeBook(asked)
  const languageOf = (person: ReachablePerson): string =>
    asked.language === 'auto' ? ports.words.languageFor(person.language, asked.defaultLanguage) : asked.language
  const recipients: NewRecipient[] = []
  const counts = { noAddress: 0, erased: 0 }
  const unreachable: NewRecipient[] = []
  /** Number of the recipient who gets the mail of that address, and what it says. */
  const heads = new Map<string, { number: number; shape: number }>()
  const join = (place: string, shape: number): number => {
    const head = heads.get(place)
    if (head === undefined) heads.set(place, { number: recipients.length + 1, shape })
    else head.shape = shapes.joined(head.shape, shape)
    return head?.number ?? 0
  }
  for (const [index, person] of people.entries()) {
    const reached = found[index] as ReachablePerson
    if (reached.isErased) counts.erased += 1
    else if (reached.tag === '') {
      counts.noAddress += 1
      unreachable.push({ person, organisation: 0, members: 0, shape: 0, language: '', joined: 0, list: [], tag: '' })
    } else {
      const shape = shapes.ofPerson(exposed.of.get(person) as number)
      const language = languageOf(reached)
      // One mail for one address: it tells all that was sent about whoever reads it.
      const joined = join(placeOf(0, reached.tag), shape)
      recipients.push({ person, organisation: 0, members: 0, shape, language, joined, list: [], tag: reached.tag })
    }
  }
  const firstEarlier = people.length + administrators.length
  const erased = new Set([
    ...people.filter((_, index) => found[index]?.isErased === true),
    ...earlier.filter((_, index) => found[firstEarlier + index]?.isErased === true),
  ])
  const tellOf = (all: readonly Ordinal[]): { count: number; shape: number; list: readonly Ordinal[] } => {
    const members = all.filter((member) => !erased.has(member))
    if (members.length === 0) return { count: 0, shape: 0, list: [] }
    const isListed = asked.listsMembers && members.length <= MEMBERS_LISTED_MAX
    const exposures = members.map((member) => exposed.of.get(member) as number)
    return { count: members.length, shape: shapes.ofOrganisation(exposures, isListed), list: isListed ? members : [] }
  }
  // Administrators of one organisation share one list: thousands of them may have tens of thousands of members.
  const tellings = new Map<readonly Ordinal[], ReturnType<typeof tellOf>>()
  for (const [index, { person, organisation, members }] of administrators.entries()) {
    const reached = found[people.length + index] as ReachablePerson
    if (reached.isErased || reached.tag === '') continue
    const telling = tellings.get(members) ?? tellOf(members)
    tellings.set(members, telling)
    const { count, shape, list } = telling
    if (count === 0) continue
    const language = languageOf(reached)
    const joined = join(placeOf(organisation, reached.tag), shape)
    recipients.push({ person, organisation, members: count, shape, language, joined, list, tag: reached.tag })
  }
  const languages = [...new Set(recipients.map(({ language }) => language))].sort()
  const recipientsSha256 = hashRecipients(recipients)
  const content: NoticeContent = { subject, shapes: shapes.list, asked: asked.language, languages, recipientsSha256 }
  return { content, sha256: textsSha256(content, ports.words), recipients, unreachable, ...counts }
}

function bound(people: ExposedPeople['people']): ExposedPeople['people'] {
  return { personOf: (ordinal) => people.personOf(ordinal), identifiersOf: (person) => people.identifiersOf(person) }
}

/** Members of whom an administrator was not told, since no version has reached that administrator. */
interface Owed {
  /** The first version that did not reach that administrator; undefined: nothing is owed. */
  since(place: { person: Ordinal; organisation: Ordinal }): number | undefined
  isOwed(since: number, member: Ordinal): boolean
}

/** Once a version reaches an administrator it has told of all before: from the first that did not reach them on, they are owed all. */
function owedTo({ administrators, counted, countedIn }: PeopleTold, personOf: (ordinal: Ordinal) => Ordinal): Owed {
  const since = new Map<string, number>()
  const nameOf = ({ person, organisation }: { person: Ordinal; organisation: Ordinal }): string => `${organisation} ${person}`
  for (const { version, person, organisation, isLeft } of administrators) {
    const name = nameOf({ person: personOf(person), organisation })
    if (!isLeft) since.delete(name)
    else if (!since.has(name)) since.set(name, version)
  }
  const first = new Map<Ordinal, number>()
  if (since.size > 0) {
    for (const [index, ordinal] of counted.entries()) {
      const person = personOf(ordinal)
      first.set(person, Math.min(first.get(person) ?? Infinity, countedIn[index] as number))
    }
  }
  return {
    since: (place) => since.get(nameOf(place)),
    isOwed: (from, member) => (first.get(member) ?? 0) >= from,
  }
}

/** Whoever administers an organisation with members who are told now, or of whom they were not told; of these members only. */
function administratorsOf(
  { organisations, of }: ExposedPeople,
  added: ReadonlySet<Ordinal>,
  owed: Owed,
): { person: Ordinal; organisation: Ordinal; members: Ordinal[] }[] {
  return [...organisations]
    .sort(([a], [b]) => a - b)
    .flatMap(([organisation, { members, administrators }]) => {
      const own = members.filter((member) => added.has(member))
      const owedSince = new Map<number, Ordinal[]>()
      const owedFrom = (since: number): Ordinal[] => {
        const all = owedSince.get(since) ?? members.filter((member) => of.has(member) && (added.has(member) || owed.isOwed(since, member)))
        owedSince.set(since, all)
        return all
      }
      return administrators.flatMap((person) => {
        const place = { person, organisation }
        const since = owed.since(place)
        const all = since === undefined ? own : owedFrom(since)
        return all.length === 0 ? [] : [{ ...place, members: all }]
      })
    })
}

/** What was sent, put together for one mail; few, whatever the number of people. */
class ShapeBook {
  readonly list: NoticeShape[] = []
  readonly #asked: DraftQuestion
  readonly #numbers = new Map<string, number>()

  constructor(asked: DraftQuestion) {
    this.#asked = asked
  }

  ofPerson(exposure: number): number {
    const { sent, possibleOnly } = this.#asked.exposed.exposures[exposure] as ExposedPeople['exposures'][number]
    return this.#put('person', sent, possibleOnly)
  }

  ofOrganisation(exposures: readonly number[], isListed: boolean): number {
    const all = [...new Set(exposures)].map((each) => this.#asked.exposed.exposures[each] as ExposedPeople['exposures'][number])
    return this.#put(
      'organisation',
      all.flatMap(({ sent }) => sent),
      all.every(({ possibleOnly }) => possibleOnly),
      isListed,
    )
  }

  joined(one: number, other: number): number {
    if (one === other) return one
    const [left, right] = [this.list[one] as NoticeShape, this.list[other] as NoticeShape]
    return this.#put(left.kind, [...left.sent, ...right.sent], left.possibleOnly && right.possibleOnly)
  }

  #put(kind: NoticeShape['kind'], given: readonly { field: string; form: string }[], possibleOnly: boolean, isListed = false): number {
    const keys = [...new Set(given.map(({ field, form }) => `${field}:${form}`))].sort()
    const key = createHash('sha256')
      .update(canonicalJson([kind, possibleOnly, keys, ...(isListed ? ['members'] : [])]))
      .digest('hex')
      .slice(0, 16)
    let number = this.#numbers.get(key)
    if (number === undefined) {
      const { surface, isFreeText } = this.#asked
      const sent = keys.map((pair): ExposedField => {
        const cut = pair.lastIndexOf(':')
        const field = pair.slice(0, cut)
        const form = pair.slice(cut + 1) as ExposedField['form']
        return form === 'clear' && isFreeText(field) ? { field, form, freeText: true } : { field, form }
      })
      const surfaces = surface === undefined ? [] : [surface]
      number = this.list.push({ key, kind, sent, surfaces, possibleOnly, ...(isListed && { memberList: true as const }) }) - 1
      this.#numbers.set(key, number)
    }
    return number
  }
}

function hashRecipients(recipients: readonly NewRecipient[]): string {
  const hash = createHash('sha256')
  for (const { person, organisation, members, shape, language, joined, list } of recipients)
    hash.update(`${[person, organisation, members, shape, language, joined, ...list].join(' ')}\n`)
  return hash.digest('hex')
}

/** Of every text that somebody of this version may get, in a fixed order. */
export function textsSha256({ subject, shapes, languages }: NoticeContent, words: NoticeWords): string {
  const hash = createHash('sha256')
  for (const language of languages) {
    for (const shape of shapes) hash.update(canonicalJson([language, shape.key, words.approved(language, subject, shape)])).update('\n')
  }
  return hash.digest('hex')
}

/** Whether nothing differs but the day, how far the ledger has come, and what is random. */
export function saysTheSame(one: NoticeContent, other: NoticeContent): boolean {
  return canonicalJson(timeless(one)) === canonicalJson(timeless(other))
}

function timeless(content: NoticeContent): unknown {
  const { versionId, date, checkpoint, checked, ...subject } = content.subject
  const { entries, ...policies } = checked
  return JSON.parse(JSON.stringify({ ...content, subject: { ...subject, policies } }))
}
