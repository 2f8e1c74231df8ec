/**
 * What "was not among the fields that we sent" rests on: which entries and policy versions were looked at, and which granted
 * fields hold free text, where anything may have stood.
 */
import type { Field, KnownField } from '#model/field.ts'
import type { Grant, PolicyVersion } from '#model/policy.ts'
import { isInScope, type Scope } from './rows.ts'
import type { FieldForm } from './shapes.ts'

export interface Checked {
  /** The answer rests on ledger entries 1..entries. */
  entries: number
  /** Versions of the rows in scope; null: there were none. */
  policies: { from: number; to: number } | null
  /** Fields granted in these versions (without rows: in the one in force) that hold text of any wording. */
  freeText: FieldForm[]
  /** Fields that were granted in these versions and stand in no entry all the same. */
  grantedNotSent: KnownField[]
}

export interface PolicyReader {
  policy(version: number): PolicyVersion | undefined
  currentPolicy(): PolicyVersion | undefined
}

/** What somebody wrote, or what stands in an address. Closed vocabulary and numbers are not among them. */
const FREE_TEXT: ReadonlySet<string> = new Set<KnownField>([
  'event',
  'url',
  'referrer',
  'utm',
  'search_keyword',
  'page_title',
  'user_agent',
  'username',
  'address',
])

export function whatWasChecked(
  scope: Scope,
  given: { ofRows: readonly number[]; notSent: readonly KnownField[]; records: PolicyReader },
): Checked {
  const { ofRows, notSent, records } = given
  const versions = [...ofRows, ...scope.snapshot.open.filter((row) => isInScope(row, scope)).map((row) => row.policy)]
  const policies =
    versions.length === 0 ? null : { from: versions.reduce((a, b) => Math.min(a, b)), to: versions.reduce((a, b) => Math.max(a, b)) }
  const granted = new Map<string, FieldForm>()
  for (const version of policies === null ? [records.currentPolicy()] : versionsIn(policies, records)) {
    for (const destination of version?.policy.destinations ?? []) {
      if (destination.vendor !== scope.vendor) continue
      if (scope.destination !== undefined && destination.destination !== scope.destination) continue
      if (scope.destinations?.includes(destination.destination) === false) continue
      for (const grant of destination.grants) {
        for (const field of fieldsOf(grant, destination.properties)) granted.set(`${field}:${grant.form}`, { field, form: grant.form })
      }
    }
  }
  const pairs = [...granted.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, pair]) => pair)
  const grantedFields = new Set<string>(pairs.map((pair) => pair.field))
  return {
    entries: scope.snapshot.head,
    policies,
    freeText: pairs.filter(({ field }) => FREE_TEXT.has(field) || field.startsWith('property.')),
    grantedNotSent: notSent.filter((field) => grantedFields.has(field)),
  }
}

function versionsIn({ from, to }: { from: number; to: number }, records: PolicyReader): (PolicyVersion | undefined)[] {
  return Array.from({ length: to - from + 1 }, (_, index) => records.policy(from + index))
}

function fieldsOf({ field }: Grant, properties: readonly string[]): Field[] {
  return field === 'property.*' ? properties.map((name): Field => `property.${name}`) : [field]
}
