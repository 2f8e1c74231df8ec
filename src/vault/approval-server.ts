/** Calls about approvals, for staff alone. */
import type { RpcClient, RpcMethods } from '#base/rpc.ts'
import type { ApprovalMark, ApprovalVault } from './approval-port.ts'
import type { Look } from './port.ts'
import type { Vault } from './vault.ts'

type Mark = Omit<ApprovalMark, 'before'>

export function approvalMethods({ keeping: { approvals } }: Vault): RpcMethods {
  return {
    approvalMarks: async () => ({ body: await approvals.approvalMarks() }),
    recordApproval: async ({ mark, look }: { mark: Mark; look: Look }) => ({ body: await approvals.recordApproval(mark, look) }),
    settleApproval: async ({ mark }: { mark: Mark }) => ({ body: await approvals.settleApproval(mark) }),
    adoptApprovals: async ({ marks, look }: { marks: Mark[]; look: Look }) => ({ body: await approvals.adoptApprovals(marks, look) }),
  }
}

export function approvalVault(client: RpcClient): ApprovalVault {
  return {
    approvalMarks: async () => (await client.call('approvalMarks', null)).body as ApprovalMark[] | null,
    recordApproval: async (mark, look) => void (await client.call('recordApproval', { mark, look })),
    settleApproval: async (mark) => void (await client.call('settleApproval', { mark })),
    adoptApprovals: async (marks, look) => void (await client.call('adoptApprovals', { marks, look })),
  }
}
