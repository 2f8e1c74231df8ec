/**
 * Addresses for notices, by a capability of its own: only what a server or the directory said, and only for a version whose sending
 * this vault has signed into the record of the incident. Who and why are durable before the first plain value returns. Making a
 * version needs no address: it learns who can be reached, in which language, and who shares an address with whom.
 */
import type { KeyObject } from 'node:crypto'
import { setImmediate as letOthersRun } from 'node:timers/promises'
import { BulkheadError } from '#base/errors.ts'
import { type IncidentRow, brokenSignature } from '#model/incident-row.ts'
import type { Ordinal } from '#model/log-entry.ts'
import { canonicalEmail, canonicalId } from './canonical.ts'
import { type Committer, factBinding } from './commit.ts'
import type { KeyStore } from './key-store.ts'
import { LABELS } from './labels.ts'
import { checkLook } from './looks.ts'
import type { AddressedPerson, ListedMember, MemberListQuestion, NoticeOpener, ReachablePerson } from './notice-opening-port.ts'
import type { Look } from './port.ts'
import type { FactRow, Rows } from './rows.ts'
import { bind, deriveKey, hmac, open } from './seal.ts'

/** People that are opened before others get their turn. */
const OPENED_AT_ONCE = 50
const PEOPLE_MAX = 10_000
const TAG_LENGTH = 16
/** BCP 47, as far as a directory writes it; anything else is as if nobody had said a language. */
const LANGUAGE = /^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}$/
const NAME_LENGTH_MAX = 4096

interface Known {
  address: string | undefined
  name: string | undefined
  language: string
}

interface Parts {
  keys: Pick<KeyStore, 'named'>
  rows: Pick<Rows, 'facts' | 'identifier' | 'notices'>
  committer: Pick<Committer, 'sealKey'>
  instance: string
  /** Public key of this vault's own signatures. */
  ledgerKey: () => string | null
  record: (look: Look, counts: Record<string, number>) => void
}

export class NoticeOpening implements NoticeOpener {
  readonly #parts: Parts
  readonly #key: KeyObject

  constructor(parts: Parts) {
    this.#parts = parts
    this.#key = deriveKey(parts.keys.named('scope'), LABELS.noticeAddress)
  }

  async findReachable(versionId: string, people: readonly (readonly Ordinal[])[], look: Look): Promise<ReachablePerson[]> {
    this.#begin(people, look)
    const found: ReachablePerson[] = []
    for (const [index, ordinals] of people.entries()) {
      if (index > 0 && index % OPENED_AT_ONCE === 0) await letOthersRun()
      const isErased = this.#isErased(ordinals)
      const { address, language } = this.#open(ordinals)
      found.push({ isErased, language, tag: address === undefined ? '' : this.#tag(versionId, address) })
    }
    return found
  }

  async openAddresses(
    { versionId, begun }: { versionId: string; begun: IncidentRow },
    people: readonly (readonly Ordinal[])[],
    look: Look,
  ): Promise<AddressedPerson[]> {
    this.#assertBegun(versionId, begun)
    this.#begin(people, look)
    const found: AddressedPerson[] = []
    for (const [index, ordinals] of people.entries()) {
      if (index > 0 && index % OPENED_AT_ONCE === 0) await letOthersRun()
      const { address = null, name = null } = this.#open(ordinals)
      found.push({ isErased: this.#isErased(ordinals), address, name, tag: address === null ? '' : this.#tag(versionId, address) })
    }
    return found
  }

  async openMembers(
    { versionId, begun }: { versionId: string; begun: IncidentRow },
    lists: readonly MemberListQuestion[],
    look: Look,
  ): Promise<(ListedMember[] | undefined)[]> {
    this.#assertBegun(versionId, begun)
    this.#begin(
      lists.flatMap(({ members }) => members),
      look,
    )
    const found: (ListedMember[] | undefined)[] = []
    let opened = 0
    for (const { organisation, administrator, members } of lists) {
      const { notices } = this.#parts.rows
      const membershipOf = (ordinals: readonly Ordinal[]) => ordinals.map((each) => notices.directoryMembership(each, organisation))
      if (!membershipOf(administrator).includes('administrator')) {
        found.push(undefined)
        continue
      }
      const list: ListedMember[] = []
      for (const ordinals of members) {
        opened += 1
        if (opened % OPENED_AT_ONCE === 0) await letOthersRun()
        const isErased = this.#isErased(ordinals)
        const isMember = membershipOf(ordinals).some((each) => each !== undefined)
        const { address = null, name = null } = isErased || !isMember ? {} : this.#open(ordinals)
        list.push({ isErased, address, name })
      }
      found.push(list)
    }
    return found
  }

  #begin(people: readonly (readonly Ordinal[])[], look: Look): void {
    checkLook(look)
    if (people.length > PEOPLE_MAX) throw new BulkheadError('vault_refused', 'so many people are not opened at once')
    this.#parts.record(look, { people: people.length })
  }

  /** Who reaches this socket and holds no row that this vault has signed for that version gets no address. */
  #assertBegun(versionId: string, begun: IncidentRow): void {
    const body = begun?.kind === 'notice-begun' ? (JSON.parse(begun.body) as { id?: string }) : undefined
    const isOurs = begun?.instance === this.#parts.instance && !brokenSignature(begun, this.#parts.ledgerKey())
    if (body?.id === versionId && isOurs) return
    throw new BulkheadError('vault_refused', 'no address is opened but for notices whose sending is on record')
  }

  #isErased(ordinals: readonly Ordinal[]): boolean {
    return ordinals.every((ordinal) => this.#parts.rows.identifier(ordinal) === undefined)
  }

  /** Of each the best founded, and of those the newest: what a browser said is not looked at. */
  #open(ordinals: readonly Ordinal[]): Known {
    const best = new Map<string, { fact: FactRow; key: KeyObject }>()
    for (const ordinal of ordinals) {
      const key = this.#parts.committer.sealKey(ordinal)
      if (key === undefined) continue
      for (const fact of this.#parts.rows.facts(ordinal)) {
        if (fact.trust === 'browser') continue
        const known = best.get(fact.field)?.fact
        if (known === undefined || isBetter(fact, known)) best.set(fact.field, { fact, key })
      }
    }
    const value = (field: string): string | undefined => {
      const found = best.get(field)
      if (found === undefined) return undefined
      const { ordinal, trust, sealed } = found.fact
      const plain = open(found.key, factBinding(ordinal, field, trust), sealed)
      if (plain === undefined) throw new BulkheadError('key_wrong', 'a sealed fact does not open')
      return plain.toString('utf8')
    }
    const name = value('name') ?? ([value('first_name'), value('last_name')].filter((part) => part !== undefined).join(' ') || undefined)
    const language = value('language')?.trim() ?? ''
    const address = value('email')?.trim()
    return {
      address: address === '' ? undefined : address,
      name: name === undefined ? undefined : canonicalId(name).slice(0, NAME_LENGTH_MAX),
      language: LANGUAGE.test(language) ? language.replaceAll('_', '-') : '',
    }
  }

  /** Equal for equal addresses in one version, and in no other. */
  #tag(versionId: string, address: string): string {
    return hmac(this.#key, bind(versionId, canonicalEmail(address)))
      .toString('hex')
      .slice(0, TAG_LENGTH)
  }
}

const RANKS = { browser: 0, server: 1, directory: 2 } as const

function isBetter(one: FactRow, other: FactRow): boolean {
  return RANKS[one.trust] !== RANKS[other.trust] ? RANKS[one.trust] > RANKS[other.trust] : one.at > other.at
}
