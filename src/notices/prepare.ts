/**
 * From rows of recipients to mails: addresses are opened in batches, each behind a look; codes are made for them, and what a check
 * needs is durable before the first mail of the batch goes out. Nothing that is made here is kept: it is made again when it is needed
 * again, and after an erasure it cannot be made any more.
 */
import { dayOf } from '#base/clock.ts'
import type { IncidentRow } from '#model/incident-row.ts'
import type { Ordinal } from '#model/log-entry.ts'
import { type NoticeMail, noticeParagraphs } from '#model/notice-text.ts'
import type { NoticeRecipient, RecipientChange } from '#records/notice-rows.ts'
import type { AddressedPerson, NoticeOpener } from '#vault/notice-opening-port.ts'
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
  const issued = reached.map(({ row, address }) => ({ person: row.organisation || row.person, address: address.text }))
  const codes = await ports.vault.issueNotices({ versionId }, issued)
  const day = dayOf(ports.now())
  const kept: Parameters<NoticeVault['keepNotices']>[1][number][] = []
  const prepared = reached.map(({ row, person, address }, index): Prepared => {
    const shape = shapes[row.shape]
    if (shape === undefined) throw new TypeError('a recipient has a shape that the version has not')
    const code = codes[index] as string
    const name = person.name === null ? {} : { name: person.name }
    const organisation = row.organisation === 0 ? {} : { organisation: { members: row.members } }
    const mail = ports.words.render(row.language, subject, shape, { code, ...name, ...organisation })
    kept.push({ code, address: address.text, shape: shape.key, language: row.language, day, personal: noticeParagraphs(mail).personal })
    return { row, address, mail }
  })
  await ports.vault.keepNotices({ versionId }, kept)
  return { prepared, aside }
}
