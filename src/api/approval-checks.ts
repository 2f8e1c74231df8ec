/** Whether what the records say of operators and approvals is what the key folder has on record. */
import { type CheckRule, type Facts, fail, type Finding, named } from './facts.ts'

export const APPROVAL_CHECKS: readonly CheckRule[] = [{ id: 'approvals_record', look: approvals }]

function approvals({ approvalProblems: { altered, missing, operators } = NONE }: Facts): Finding[] {
  return [
    ...(altered.length === 0
      ? []
      : [named('altered', fail(`not as on record, they count for nothing: proposals ${altered.join(', ')}`, ALTERED_FIX))]),
    ...(missing.length === 0 ? [] : [named('missing', fail(`on record and not there: proposals ${missing.join(', ')}`, ALTERED_FIX))]),
    ...(operators.length === 0
      ? []
      : [
          named(
            'operators',
            fail(
              `the records said something else of operators than the key folder: ${operators.join(', ')}; the key folder counts`,
              'Find out who can write the data folder. Said until the next start.',
            ),
          ),
        ]),
  ]
}

const NONE = { altered: [], missing: [], operators: [] }
const ALTERED_FIX =
  'Somebody wrote into records.db. Find out who can; what is meant has to be proposed and approved anew. `restore` makes the two agree.'
