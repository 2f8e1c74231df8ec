/**
 * From rows of recipients to mails: addresses are opened in batches, each behind a look; codes are made for them, and what a check
 * needs is durable before the first mail of the batch goes out. Nothing that is made here is kept: it is made again when it is needed
 * again, and after an erasure it cannot be made any more.
 */
import { dayOf } from '#base/clock.ts'
import type { IncidentRow } from '#model/incident-row.ts'
import type { Ordinal } from '#model/log-entry.ts'
import { type NoticeMail, type NoticePerson, noticeParagraphs } from '#model/notice-text.ts'
import type { NoticeRecipient, RecipientChange } from '#records/notice-rows.ts'
import type { AddressedPerson, ListedMember, NoticeOpener } from '#vault/notice-opening-port.ts'
import type { NoticeVault } from '#vault/notice-port.ts'
import type { Look } from '#vault/port.ts'
import { type MailAddress, parseMailAddress } from './address.ts'
import type { NoticeContent } from './draft.ts'
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
}

export interface PrepareOf {
  content: NoticeContent
  /** The signed row by which the sending began. */
  begun: IncidentRow
  look: Look
}

/** What becomes of a row without a mail, and whose rows have to be parted from it since its address is another one now. */
export interface Aside {
  changes: RecipientChange[]
  parted: number[]
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

export async function prepare(
  rows: readonly NoticeRecipient[],
  of: PrepareOf,
  ports: PreparePorts,
): Promise<{ prepared: Prepared[]; aside: Aside }> {
  const { subject, shapes } = of.content
  const { versionId } = subject
  const identifiersOf = await ports.identifiersOf()
  const people = rows.map(({ person }) => [...identifiersOf(person)])
  const opened = await ports.vault.openAddresses({ versionId, begun: of.begun }, people, of.look)
  const aside: Aside = { changes: [], parted: [] }
  const reached: { row: NoticeRecipient; person: AddressedPerson; address: MailAddress }[] = []
  for (const [index, row] of rows.entries()) {
    const person = opened[index] as AddressedPerson
    const address = person.address === null ? undefined : parseMailAddress(person.address)
    const isMoved = person.tag !== row.tag
    // Whoever had the same address waits for themselves again: they are not told by this mail any more.
    if (isMoved) aside.parted.push(row.number)
    if (person.address === null) {
      aside.changes.push({ number: row.number, state: 'skipped', why: person.isErased ? 'erased' : 'no_address' })
    } else if (address === undefined) {
      aside.changes.push({ number: row.number, state: 'failed', why: 'address_form' })
    } else reached.push({ row, person, address })
  }
  const lists = await openLists(
    reached.filter(({ row }) => shapes[row.shape]?.memberList === true).map(({ row }) => row),
    { of, identifiersOf },
    ports,
  )
  // Whoever the directory does not name as an administrator any more is told nothing about others.
  for (const [number, list] of lists) if (list === undefined) aside.changes.push({ number, state: 'skipped', why: 'not_administrator' })
  const told = reached.filter(({ row }) => !lists.has(row.number) || lists.get(row.number) !== undefined)
  const issued = told.map(({ row, address }) => ({ person: row.organisation || row.person, address: address.text }))
  const codes = await ports.vault.issueNotices({ versionId }, issued)
  const day = dayOf(ports.now())
  const kept: Parameters<NoticeVault['keepNotices']>[1][number][] = []
  const prepared = told.map(({ row, person, address }, index): Prepared => {
    const shape = shapes[row.shape]
    if (shape === undefined) throw new TypeError('a recipient has a shape that the version has not')
    const code = codes[index] as string
    const name = person.name === null ? {} : { name: person.name }
    const organisation = row.organisation === 0 ? {} : { organisation: membersOf(row, lists.get(row.number)) }
    const mail = ports.words.render(row.language, subject, shape, { code, ...name, ...organisation })
    kept.push({ code, address: address.text, shape: shape.key, language: row.language, day, personal: noticeParagraphs(mail).personal })
    return { row, address, mail }
  })
  await ports.vault.keepNotices({ versionId }, kept)
  return { prepared, aside }
}
