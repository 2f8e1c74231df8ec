/** What was done about a vendor beside its flow, for an incident's timeline: a notice tells these measures, so a report does too. */
import { iso } from './incident-print.ts'
import type { VendorStep } from '#incidents/timeline.ts'
import type { StaffDeps } from './deps.ts'

interface StepDeps {
  records: Pick<StaffDeps['records'], 'rotations'>
  leaving: { vault: Pick<StaffDeps['leaving']['vault'], 'deletions'> }
}

/** Credentials replaced since `since`, and what it was asked to delete of everybody. Without deletions where the vault is away. */
export async function stepsAt(vendor: string, since: number, { records, leaving: { vault } }: StepDeps): Promise<VendorStep[]> {
  const replaced = records
    .rotations(vendor)
    .filter(({ at }) => at >= since)
    .map(({ name, at, actor, reason }): VendorStep => {
      return { at, what: 'credential_replaced', detail: `the credential ${name} was replaced`, text: reason, by: actor }
    })
  const { leaving } = await vault.deletions(vendor).catch(() => ({ leaving: [] }))
  const asked = leaving.filter(({ state }) => state !== 'due')
  if (asked.length === 0) return replaced
  const count = (of: typeof leaving): number => of.reduce((sum, each) => sum + each.count, 0)
  const dueAt = Math.max(...asked.map((each) => each.dueAt ?? 0))
  const first = Math.min(...asked.map((each) => each.askedAt ?? each.at))
  const due = dueAt === 0 ? '' : `, due ${iso(dueAt)}`
  const detail = `the vendor was asked to delete what it was sent under ${count(asked)} of ${count(leaving)} identifiers${due}`
  const steps: VendorStep[] = [...replaced, { at: first, what: 'deletion_asked', detail, text: '', by: null }]
  const done = asked.filter(({ state }) => state === 'done')
  if (done.length === 0) return steps
  const said = `the vendor says done: deletion under ${count(done)} of ${count(leaving)} identifiers`
  return [...steps, { at: Math.max(...done.map(({ at }) => at)), what: 'deletion_said_done', detail: said, text: '', by: null }]
}
