/** Collects what split finds in one request: each identifier, edge and membership once, ordinals as indexes. */
import type { ConsentSignals } from '#model/log-entry.ts'
import type { RequestContext, IdentifierRequest, SplitDraft, EdgeRequest, MembershipRequest } from '#model/split-draft.ts'

type Role = IdentifierRequest['role']

export class DraftBuilder {
  readonly draft: SplitDraft
  readonly #namespace: string
  readonly #receivedAt: number
  /** By value; a value that stands in several roles or kinds is rare, so those are a short list. */
  readonly #indexes = new Map<string, number[]>()
  /** The edge that now holds for a device; a later record of the same user only makes it older. */
  readonly #currentEdges = new Map<number, EdgeRequest>()
  readonly #statements = new Set<string>()
  readonly #memberships = new Map<string, MembershipRequest>()

  constructor({ source, receivedAt }: RequestContext) {
    this.#namespace = source.namespace
    this.#receivedAt = receivedAt
    this.draft = {
      trust: source.trust,
      records: [],
      identifiers: [],
      facts: [],
      edges: [],
      memberships: [],
      waiting: [],
      consents: [],
      insertIds: [],
      destroyed: {},
    }
  }

  /** Undefined for text that is empty once trimmed. Two roles of one value are two requests, which get one ordinal. */
  identifier(kind: IdentifierRequest['kind'], text: string, role: Role): number | undefined {
    const value = text.normalize('NFC').trim()
    if (value === '') return undefined
    const { identifiers } = this.draft
    const indexes = this.#indexes.get(value)
    for (const index of indexes ?? []) {
      const known = identifiers[index] as IdentifierRequest
      if (known.role === role && known.kind === kind) return index
    }
    const index = identifiers.push({ namespace: this.#namespace, kind, value, role }) - 1
    if (indexes === undefined) this.#indexes.set(value, [index])
    else indexes.push(index)
    return index
  }

  /** What the same people said in the record before, or with the same request, is one statement. */
  statement(of: readonly number[], signals: ConsentSignals): void {
    if (of.length === 0) return
    const { consents } = this.draft
    const key = JSON.stringify([of, signals])
    if (this.#statements.has(key)) return
    this.#statements.add(key)
    consents.push({ of, ...signals })
  }

  isSameValue(a: number, b: number): boolean {
    return this.draft.identifiers[a]?.value === this.draft.identifiers[b]?.value
  }

  edge(kind: EdgeRequest['kind'], from: number, to: number, time: number): void {
    if (this.isSameValue(from, to)) return
    const at = Math.min(time, this.#receivedAt)
    const current =
      kind === 'device'
        ? this.#currentEdges.get(from)
        : this.draft.edges.find((edge) => edge.kind === kind && edge.from === from && edge.to === to)
    if (current !== undefined && current.to === to) {
      current.at = Math.min(current.at, at)
      return
    }
    const edge: EdgeRequest = { kind, from, to, at }
    this.draft.edges.push(edge)
    if (kind === 'device') this.#currentEdges.set(from, edge)
  }

  membership(person: number, group: number, time: number): void {
    const at = Math.min(time, this.#receivedAt)
    const key = `${person} ${group}`
    const known = this.#memberships.get(key)
    if (known !== undefined) {
      known.at = Math.min(known.at, at)
      return
    }
    const membership: MembershipRequest = { person, group, at }
    this.#memberships.set(key, membership)
    this.draft.memberships.push(membership)
  }
}
