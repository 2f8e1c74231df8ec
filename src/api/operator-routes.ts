/** Who may use the staff API, and what one of them proposed and another has to approve. */
import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import { BulkheadError } from '#base/errors.ts'
import { CONFIGURATION_FILE, SINGLE_OPERATOR } from '#records/approvals.ts'
import type { Approval, Operator } from '#records/port.ts'
import { ROUTES } from './contract.ts'
import type { StaffDeps } from './deps.ts'
import {
  ApprovalDecisionRequest,
  type ApprovalShown,
  type OperatorAddBody,
  OperatorAddRequest,
  type OperatorList,
  OperatorRemoveRequest,
  type OperatorShown,
} from './operator-contract.ts'

/** Names that stand for something else in the records. */
const RESERVED: readonly string[] = [CONFIGURATION_FILE, SINGLE_OPERATOR, 'vault', 'restore', 'break-glass']
const HOUR_MS = 3_600_000

export function addOperatorRoutes(app: FastifyInstance, deps: StaffDeps): void {
  const { operators, vault, clock, approvals } = deps

  app.get(ROUTES.operators, async (request): Promise<OperatorList> => {
    const all = operators.list()
    return {
      operators: all.map((each) => operatorAnswer(each, deps)),
      you: request.operator,
      mode: operatorMode(all),
      singleOperatorDelayHours: deps.singleOperatorDelayHours,
    }
  })
  const schema = { body: OperatorAddRequest }
  app.post<{ Body: OperatorAddBody }>(ROUTES.operators, { schema }, async (request): Promise<OperatorShown> => {
    const { name, credentialSha256, reason } = request.body
    if (RESERVED.includes(name)) throw new BulkheadError('operator_exists', `the name ${name} stands for something else in the records`)
    await vault.recordLook({ ...lookOf(request.operator, `operator add ${name}`, reason), subjects: 0 })
    return operatorAnswer(await operators.add({ name, credentialSha256, at: clock.now(), by: request.operator }), deps)
  })
  app.post<{ Params: { name: string }; Body: Static<typeof OperatorRemoveRequest> }>(
    `${ROUTES.operators}/:name/remove`,
    { schema: { body: OperatorRemoveRequest } },
    async (request): Promise<OperatorShown> => {
      const { name } = request.params
      if (!operators.list().some((each) => each.name === name && each.removedAt === null))
        throw new BulkheadError('operator_unknown', `no operator is called ${JSON.stringify(name.slice(0, 64))}`)
      await vault.recordLook({ ...lookOf(request.operator, `operator remove ${name}`, request.body.reason), subjects: 0 })
      return operatorAnswer(await operators.remove(name, { at: clock.now(), by: request.operator }), deps)
    },
  )

  app.get(ROUTES.approvals, async () => ({ approvals: approvals.list().map((each) => approvalAnswer(each, deps)) }))
  for (const verb of ['approve', 'reject'] as const) {
    app.post<{ Params: { id: string }; Body: Static<typeof ApprovalDecisionRequest> }>(
      `${ROUTES.approvals}/:id/${verb}`,
      { schema: { body: ApprovalDecisionRequest } },
      async (request): Promise<ApprovalShown> => {
        const reason = request.body.reason.trim()
        if (reason === '') throw new BulkheadError('reason_required', `approval ${verb} needs a reason`)
        const id = /^\d{1,9}$/.test(request.params.id) ? Number(request.params.id) : 0
        await approvals[verb](id, request.operator, reason)
        await deps.settleApprovals()
        return approvalAnswer(approvals.get(id), deps)
      },
    )
  }
}

export function operatorMode(operators: readonly Operator[]): 'single-operator' | 'several-operators' {
  return operators.filter(({ removedAt }) => removedAt === null).length > 1 ? 'several-operators' : 'single-operator'
}

function lookOf(actor: string, action: string, reason: string | undefined): { actor: string; action: string; reason: string } {
  return { actor, action, reason: reason === undefined || reason.trim() === '' ? action : reason.trim() }
}

function operatorAnswer({ name, addedAt, addedBy, removedAt, removedBy }: Operator, deps: StaffDeps): OperatorShown {
  const isFirst = addedAt === 0
  return {
    name,
    addedAt: isFirst ? null : instant(addedAt),
    addedBy: addedBy === '' ? null : addedBy,
    removedAt: instant(removedAt),
    removedBy,
    secondPersonFrom: removedAt !== null || isFirst ? null : instant(addedAt + deps.singleOperatorDelayHours * HOUR_MS),
  }
}

function approvalAnswer(approval: Approval, { approvals }: StaffDeps): ApprovalShown {
  const { id, kind, what, sha256, origin, proposedBy, reason, approvedBy, rejectedBy, rejectedReason } = approval
  const state = approvals.stateOf(approval)
  return {
    approval: id,
    kind,
    what,
    sha256,
    state,
    origin,
    proposedBy,
    proposedAt: instant(approval.proposedAt),
    reason,
    approvedBy,
    approvedAt: instant(approval.approvedAt),
    countsFrom: state === 'rejected' || state === 'expired' || state === 'altered' ? null : instant(approvals.countsFrom(approval) ?? null),
    rejectedBy,
    rejectedAt: instant(approval.rejectedAt),
    rejectedReason,
    expiresAt: instant(approval.expiresAt),
    usedAt: instant(approval.usedAt),
  }
}

function instant(at: number): string
function instant(at: number | null): string | null
function instant(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString()
}
