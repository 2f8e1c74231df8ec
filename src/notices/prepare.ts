/**
 * From rows of recipients to mails: addresses are opened in batches, each behind a look; codes are made for them, and what a check
 * needs is durable before the first mail of the batch goes out. Nothing that is made here is kept: it is made again when it is needed
 * again, and after an erasure it cannot be made any more.
 */
import { dayOf } from '#base/clock.ts'
import type { IncidentRow } from '#model/incident-row.ts'
import type { Ordinal } from '#model/log-entry.ts'
import { type NoticeMail, type NoticePerson, noticeParagraphs } from '#model/notice-text.ts'
import type { NoticeRecipient, NoticeRecords, RecipientChange, RecipientState } from '#records/notice-rows.ts'
import type { AddressedPerson, ListedMember, NoticeOpener } from '#vault/notice-opening-port.ts'
import { NOTICES_AT_ONCE, type NoticeVault } from '#vault/notice-port.ts'
import type { Look } from '#vault/port.ts'
import { type MailAddress, parseMailAddress } from './address.ts'
import type { NoticeContent } from './draft.ts'
import { type Addressed, groupByAddress, placeOf } from './groups.ts'
import type { NoticeWords } from './words.ts'

export interface Prepared {
  row: NoticeRecipient
  address: MailAddress
  mail: NoticeMail
}

export interface PreparePorts {
  vault: NoticeOpener & Pick<NoticeVault, 'issueNotices' | 'keepSheets' | 'keepNotices'>
  words: NoticeWords
  /** All identifiers of the people, as of now. */
  identifiersOf: () => Promise<(person: Ordinal) => readonly Ordinal[]>
  now: () => number
  records: Pick<NoticeRecords, 'recipientsJoined' | 'recipientsTagged'>
  /** Whether its mail is being made or handed over. */
  isInHand(number: number): boolean
}

export interface PrepareOf {
  incident: number
  version: number
  content: NoticeContent
  /** The signed row by which the sending began. */
  begun: IncidentRow
  look: Look
}

/** Before the first batch. */
export async function keepSheets({ content }: Pick<PrepareOf, 'content'>, { vault, words }: PreparePorts): Promise<void> {
  const { subject, shapes, languages } = content
  const { versionId, incident, version } = subject
  const code = (await vault.issueNotices({ versionId }, [{ person: 0, address: 'nobody@example.com' }]))[0] as string
  const sheets = languages.flatMap((language) =>
    shapes.map((shape) => {
      const person = { code, ...(shape.kind === 'organisation' && { organisation: { members: 2 } }) }
      const mail = words.render(language, subject, shape, person)
      return { shape: shape.key, language, common: noticeParagraphs(mail).common, subject: mail.subject }
    }),
  )
  await vault.keepSheets({ versionId, incident, version }, sheets)
}

/** Lists that are opened by one look. */
const LISTS_A_CALL = 25

/** By the recipient's number; undefined: not an administrator any more. */
async function openLists(
  rows: readonly NoticeRecipient[],
  { of, identifiersOf }: { of: PrepareOf; identifiersOf: (person: Ordinal) => readonly Ordinal[] },
  { vault }: PreparePorts,
): Promise<Map<number, ListedMember[] | undefined>> {
  const { versionId } = of.content.subject
  const look = { ...of.look, action: `${of.look.action}, lists of members` }
  const lists = new Map<number, ListedMember[] | undefined>()
  for (let start = 0; start < rows.length; start += LISTS_A_CALL) {
    const some = rows.slice(start, start + LISTS_A_CALL)
    const asked = some.map(({ organisation, person, list }) => ({
      organisation,
      administrator: [...identifiersOf(person)],
      members: list.map((member) => [...identifiersOf(member)]),
    }))
    const found = await vault.openMembers({ versionId, begun: of.begun }, asked, look)
    for (const [index, { number }] of some.entries()) lists.set(number, found[index])
  }
  return lists
}

/** Who was erased since is neither listed nor counted. */
function membersOf({ members }: NoticeRecipient, list: readonly ListedMember[] | undefined): NonNullable<NoticePerson['organisation']> {
  if (list === undefined) return { members }
  const left = list.filter(({ isErased }) => !isErased)
  const listed = left.map(({ address, name }) => ({ ...(address !== null && { address }), ...(name !== null && { name }) }))
  return { members: members - (list.length - left.length), listed }
}

/** `changes` are durable before a mail goes out: who is not mailed, and who is told in whose mail. */
export async function prepare(
  rows: readonly NoticeRecipient[],
  of: PrepareOf,
  ports: PreparePorts,
): Promise<{ prepared: Prepared[]; changes: RecipientChange[] }> {
  const { subject, shapes } = of.content
  const { versionId } = subject
  const identifiersOf = await ports.identifiersOf()
  const found = await openPlaces(rows, { of, identifiersOf }, ports)
  const { groups, changes } = groupByAddress(found.reached, found.holders, shapes)
  changes.unshift(...found.changes)
  const lists = await openLists(
    groups.filter(({ shape }) => shapes[shape]?.memberList === true).map(({ head }) => head.row),
    { of, identifiersOf },
    ports,
  )
  // Whoever the directory does not name as an administrator any more is told nothing about others. Who reads the same mail may be one.
  for (const { head, told } of groups.filter((each) => lists.has(each.head.row.number) && lists.get(each.head.row.number) === undefined)) {
    const left = { state: 'skipped', why: 'not_administrator', joined: 0 } as const
    const waits = { state: 'waiting', why: null, joined: 0 } as const
    for (const each of told) changes.push({ number: each.row.number, ...(each === head ? left : waits) })
  }
  const mailed = groups.filter(({ head: { row } }) => !lists.has(row.number) || lists.get(row.number) !== undefined)
  const issued = mailed.map(({ head: { row, address } }) => ({ person: row.organisation || row.person, address: address.text }))
  const codes = await ports.vault.issueNotices({ versionId }, issued)
  const day = dayOf(ports.now())
  const kept: Parameters<NoticeVault['keepNotices']>[1][number][] = []
  const prepared = mailed.map(({ head: { row, person, address }, told, shape: number }, index): Prepared => {
    const shape = shapes[number]
    if (shape === undefined) throw new TypeError('a recipient has a shape that the version has not')
    const code = codes[index] as string
    // Several people read it: by the name of one it would be about that one.
    const isOfOne = told.every((each) => each.person.name === person.name)
    const name = person.name === null || !isOfOne ? {} : { name: person.name }
    const organisation = row.organisation === 0 ? {} : { organisation: membersOf(row, lists.get(row.number)) }
    const mail = ports.words.render(row.language, subject, shape, { code, ...name, ...organisation })
    kept.push({ code, address: address.text, shape: shape.key, language: row.language, day, personal: noticeParagraphs(mail).personal })
    return { row, address, mail }
  })
  // More than a batch where many had one address until now.
  for (let start = 0; start < kept.length; start += NOTICES_AT_ONCE)
    await ports.vault.keepNotices({ versionId }, kept.slice(start, start + NOTICES_AT_ONCE))
  return { prepared, changes }
}

interface Reached extends Addressed {
  person: AddressedPerson
  address: MailAddress
}

const PEOPLE_A_CALL = 5000
/** States in which a mail has gone to that address, or may have. */
const MAILED: ReadonlySet<RecipientState> = new Set(['sending', 'sent', 'filed', 'unknown'])

/** Everybody whose notice goes where one of these goes, by their addresses as of now, and who has that mail already. */
async function openPlaces(
  rows: readonly NoticeRecipient[],
  { of, identifiersOf }: { of: PrepareOf; identifiersOf: (person: Ordinal) => readonly Ordinal[] },
  { vault, records, isInHand }: PreparePorts,
): Promise<{ reached: Reached[]; holders: Map<string, NoticeRecipient>; changes: RecipientChange[] }> {
  const { versionId } = of.content.subject
  const known = new Map<number, NoticeRecipient>()
  const reached = new Map<number, Reached>()
  const changes: RecipientChange[] = []
  let added = [...rows]
  for (;;) {
    added.push(
      ...records
        .recipientsJoined(
          of,
          added.map(({ number }) => number),
        )
        .filter(({ why }) => why === 'same_address'),
    )
    added = [...new Map(added.filter(({ number }) => !known.has(number)).map((row) => [row.number, row])).values()]
    for (const row of added) known.set(row.number, row)
    for (let start = 0; start < added.length; start += PEOPLE_A_CALL) {
      const some = added.slice(start, start + PEOPLE_A_CALL)
      const people = some.map(({ person }) => [...identifiersOf(person)])
      const opened = await vault.openAddresses({ versionId, begun: of.begun }, people, of.look)
      for (const [index, row] of some.entries()) {
        const person = opened[index] as AddressedPerson
        const address = person.address === null ? undefined : parseMailAddress(person.address)
        if (address !== undefined) reached.set(row.number, { row, person, address, tag: person.tag })
        else changes.push({ number: row.number, ...fateOf(person), joined: 0, tag: person.tag || row.tag })
      }
    }
    // Without a wait from here to the end: what is found here is what is.
    const tags = [...new Set([...reached.values()].map(({ tag }) => tag))]
    const places = new Set([...reached.values()].map(({ row, tag }) => placeOf(row.organisation, tag)))
    const others = records
      .recipientsTagged(of, tags)
      .filter(({ number, organisation, tag }) => !known.has(number) && places.has(placeOf(organisation, tag)))
    const isHolder = (row: NoticeRecipient): boolean => MAILED.has(row.state) || isInHand(row.number)
    added = others.filter((row) => row.state === 'waiting' && !isHolder(row))
    if (added.length > 0) continue
    const holders = new Map<string, NoticeRecipient>()
    for (const row of others.filter(isHolder).reverse()) holders.set(placeOf(row.organisation, row.tag), row)
    return { reached: [...reached.values()].sort((one, other) => one.row.number - other.row.number), holders, changes }
  }
}

function fateOf({ address, isErased }: AddressedPerson): Pick<RecipientChange, 'state' | 'why'> {
  if (address !== null) return { state: 'failed', why: 'address_form' }
  return { state: 'skipped', why: isErased ? 'erased' : 'no_address' }
}
