/** What the thief has: the vendor's rows, searched for everything that was planted, and whom each row is about. */
import type { LootRow, MixpanelCloud } from '#drill/mixpanel-cloud.ts'
import type { Cast } from './cast.ts'

export interface LootScore {
  rows: number
  names: number
  emails: number
  ids: number
  ips: number
  userAgents: number
  referrerUrls: number
}

/** Occurrences of planted values in every byte that the vendor received: bodies, paths, headers. Expected: none. */
export function searchLoot(vendor: Pick<MixpanelCloud, 'loot' | 'requests'>, cast: Cast): LootScore {
  const rows = vendor.loot()
  const count = searchValues(vendor)
  const { members, orgs } = cast
  return {
    rows: rows.length,
    names: count([...members.flatMap(({ name }) => [name, name.split(' ')[1] ?? name]), ...orgs.map((org) => org.name)]),
    emails: count(members.flatMap(({ email }) => [email, email.split('@')[0] ?? email])),
    ids: count([...members.map((member) => member.id), ...orgs.map((org) => org.id)]),
    ips: count(members.map((member) => member.ip)),
    userAgents: count(members.flatMap(({ userAgent }) => [userAgent, userAgent.split(' ').at(-1) ?? userAgent])),
    referrerUrls: count(members.flatMap(({ referrer, page }) => [referrer, page, new URL(referrer).pathname, page.split('?')[0] ?? page])),
  }
}

/** Counts how many forms of the values stand anywhere in what a vendor received. */
export function searchValues(vendor: Pick<MixpanelCloud, 'loot' | 'requests'>): (values: Iterable<string>) => number {
  const outer = vendor.requests().map(({ path, headers }) => ({ path: decodeLoosely(path), headers }))
  const text = `${JSON.stringify(vendor.loot())}\n${JSON.stringify(outer)}`.toLowerCase()
  return (values) => {
    let found = 0
    for (const value of new Set(values)) for (const form of formsOf(value)) if (text.includes(form)) found++
    return found
  }
}

function decodeLoosely(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // Not percent-encoded after all; searched as it is.
    return text
  }
}

/** The value as text, percent-encoded, in hex, and in base64 where its bytes stand alone. */
function formsOf(value: string): Set<string> {
  const bytes = Buffer.from(value)
  const json = JSON.stringify(value).slice(1, -1)
  const encoded = bytes.toString('base64').replace(/=+$/, '').slice(0, -2)
  return new Set([json, encodeURIComponent(value), bytes.toString('hex'), encoded].map((form) => form.toLowerCase()))
}

/** Numbers of the people whom the vendor's rows are about, learned from the rows alone. */
export function peopleInLoot(rows: readonly LootRow[]): Set<number> {
  const people = new Set<number>()
  for (const row of rows) {
    const record = row.record as Record<string, unknown> | null
    if (record === null || typeof record !== 'object') continue
    for (const part of [record.properties, record.$set, record.$set_once]) {
      const n = typeof part === 'object' && part !== null ? (part as Record<string, unknown>).n : undefined
      if (typeof n === 'number') people.add(n)
    }
  }
  return people
}

/** Distinct events by Mixpanel's own rule, those with a given name only when `names` is given. */
export function distinctEvents(rows: readonly LootRow[], names?: readonly string[]): number {
  const distinct = new Set<string>()
  for (const { record, route } of rows) {
    if (route !== '/import' && route !== '/track') continue
    const { event, properties } = record as { event?: unknown; properties?: Record<string, unknown> }
    if (names !== undefined && !names.includes(String(event))) continue
    distinct.add(JSON.stringify([event, properties?.distinct_id, properties?.time, properties?.$insert_id]))
  }
  return distinct.size
}

/** A few rows as the thief sees them, one of each kind. */
export function sampleRows(rows: readonly LootRow[]): string[] {
  const kinds = new Map<string, LootRow>()
  for (const row of rows) {
    const name = (row.record as { event?: string } | null)?.event ?? ''
    const key = `${row.route} ${name}`
    if (!kinds.has(key)) kinds.set(key, row)
  }
  return [...kinds.values()].slice(0, 6).map((row) => `${row.route.padEnd(8)} ${JSON.stringify(row.record)}`)
}
