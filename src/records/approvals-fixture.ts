/** For tests: what the key folder remembers, in memory. */
import type { ApprovalRecord } from './approvals.ts'
import type { OperatorBook } from './operator-book.ts'
import type { OperatorRows } from './port.ts'

export function testApprovalRecord(
  onLook: (look: { actor: string; action: string; reason: string }) => void = () => undefined,
): ApprovalRecord {
  return { marks: new Map(), record: async (_mark, look) => onLook(look), settled: async () => undefined }
}

/** The table itself, where nobody but the test writes. */
export function testOperatorBook(rows: OperatorRows): OperatorBook {
  return {
    list: () => rows.list(),
    named: (credentialSha256) => rows.named(credentialSha256),
    remembered: () => rows.remembered(),
    add: async (operator) => rows.add(operator),
    remove: async (name, by) => rows.remove(name, by),
    foreign: [],
  }
}
