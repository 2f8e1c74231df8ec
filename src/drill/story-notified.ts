/**
 * Who has to be notified in a story, worked out from what the vendors received, from the company's user table and from nothing that
 * Bulkhead says; and what the mail server took, compared with it mail by mail.
 */
import type { StoryPerson } from './story-cast.ts'

export interface NoticeScore {
  /** Notices that were owed, to people and to administrators. */
  expected: number
  /** Mails that the mail server took. */
  sent: number
  /** Of these, to somebody to whom none was owed, or once more to somebody who had theirs. */
  wrongly: number
}

export interface OwedQuery {
  /** Numbers of people of whom the vendor holds a row in the scope. */
  affected: ReadonlySet<number>
  /** Those of them who had a notice of the incident before. */
  told: ReadonlySet<number>
  cast: readonly StoryPerson[]
  /** Whether the company has an address of this person that it may trust. */
  hasAddress: (person: StoryPerson) => boolean
}

export interface Owed {
  /** Address → how many mails. */
  mails: Map<string, number>
  people: Set<number>
  /** Organisations whose administrators are told of their members. */
  organisations: Set<string>
}

/** People who are new in the scope, and once for each organisation with such people its administrators. */
export function owedNotices({ affected, told, cast, hasAddress }: OwedQuery): Owed {
  const owed: Owed = { mails: new Map(), people: new Set(), organisations: new Set() }
  const add = (person: StoryPerson): void => void owed.mails.set(person.email, (owed.mails.get(person.email) ?? 0) + 1)
  for (const person of cast) {
    if (!affected.has(person.n) || told.has(person.n)) continue
    if (hasAddress(person)) {
      add(person)
      owed.people.add(person.n)
    }
    const administrator = cast.find(({ administers }) => administers !== undefined && administers === person.organisation)
    if (administrator === undefined || owed.organisations.has(administrator.administers ?? '') || !hasAddress(administrator)) continue
    owed.organisations.add(administrator.administers ?? '')
    add(administrator)
  }
  return owed
}

export interface NoticeDifference {
  score: NoticeScore
  /** Addresses that got fewer than they were owed. */
  forgotten: string[]
  /** Addresses that got more. */
  wrongly: string[]
}

/** `taken`: the address of each mail. */
export function scoreNotices(owed: ReadonlyMap<string, number>, taken: readonly string[]): NoticeDifference {
  const got = new Map<string, number>()
  for (const address of taken) got.set(address, (got.get(address) ?? 0) + 1)
  let expected = 0
  const forgotten: string[] = []
  for (const [address, count] of owed) {
    expected += count
    if ((got.get(address) ?? 0) < count) forgotten.push(address)
  }
  let wrongly = 0
  const more: string[] = []
  for (const [address, count] of got) {
    const over = count - (owed.get(address) ?? 0)
    if (over <= 0) continue
    wrongly += over
    more.push(address)
  }
  return { score: { expected, sent: taken.length, wrongly }, forgotten, wrongly: more }
}
