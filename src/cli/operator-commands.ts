/** Operators and approvals. Credentials are made here: the server never sees more of one than its hash until it is used. */
import { createHash, randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs'
import path from 'node:path'
import { ROUTES } from '#api/contract.ts'
import {
  type ApprovalList,
  type ApprovalShown,
  OPERATOR_NAME,
  type OperatorAdded,
  type OperatorList,
  type OperatorShown,
} from '#api/operator-contract.ts'
import { BulkheadError } from '#base/errors.ts'
import { syncFolder } from '#base/files.ts'
import { type Context, demandReason, printAnswer } from './context.ts'
import { table, when } from './render.ts'
import { connect } from './staff-client.ts'

export async function listOperatorsCommand(context: Context): Promise<void> {
  printAnswer(context, await connect(context).get<OperatorList>(ROUTES.operators), renderOperators)
}

/** The file is there before the credential counts: nobody is left with one that they cannot have. */
export async function addOperatorCommand(context: Context, name: string, options: { reason?: string; file?: string }): Promise<void> {
  if (!new RegExp(OPERATOR_NAME).test(name))
    throw new BulkheadError('bad_usage', 'a name is 1 to 64 small letters, digits, dots, dashes or underscores, and begins with a letter')
  const credential = randomBytes(32).toString('base64url')
  const credentialSha256 = createHash('sha256').update(credential).digest('hex')
  const client = connect(context)
  const file = options.file === undefined ? null : path.resolve(options.file)
  if (file !== null) writeNew(file, `${credential}\n`)
  try {
    const body = { name, credentialSha256, ...(options.reason === undefined ? {} : { reason: options.reason }) }
    const added = await client.post<OperatorShown>(ROUTES.operators, body)
    printAnswer<OperatorAdded>(context, { ...added, credential: file === null ? credential : null, file }, renderAdded)
  } catch (thrown) {
    if (file !== null) rmSync(file, { force: true })
    throw thrown
  }
}

export async function removeOperatorCommand(context: Context, name: string, reason: string | undefined): Promise<void> {
  const route = `${ROUTES.operators}/${encodeURIComponent(name)}/remove`
  const answer = await connect(context).post<OperatorShown>(route, reason === undefined ? {} : { reason })
  printAnswer(context, answer, (removed) => `${removed.name} is no operator any more: the credential opens nothing.`)
}

export async function listApprovalsCommand(context: Context): Promise<void> {
  printAnswer(context, await connect(context).get<ApprovalList>(ROUTES.approvals), ({ approvals }) =>
    approvals.length === 0 ? 'Nothing was proposed.' : approvals.map(renderApproval).join('\n\n'),
  )
}

export async function decideApprovalCommand(
  context: Context,
  { id, verb }: { id: number; verb: 'approve' | 'reject' },
  reason: string | undefined,
): Promise<void> {
  const answer = await connect(context).post<ApprovalShown>(`${ROUTES.approvals}/${id}/${verb}`, { reason: demandReason(reason) })
  printAnswer(context, answer, renderApproval)
}

/** Never over a file that is there: it may be somebody's credential. */
function writeNew(file: string, text: string): void {
  let handle: number
  try {
    handle = openSync(file, 'wx', 0o600)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = code === 'EEXIST' ? 'it is there already' : (code ?? 'unknown error')
    throw new BulkheadError('bad_usage', `${file} cannot be made: ${why}`, {
      hint: 'Name a new file in a folder that exists.',
      cause,
    })
  }
  try {
    writeSync(handle, text)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  syncFolder(path.dirname(file))
}

function renderOperators({ operators, you, mode, singleOperatorDelayHours }: OperatorList): string {
  const rows = operators.map(({ name, addedAt, addedBy, removedAt, removedBy }) => [
    name === you ? `${name} (you)` : name,
    addedAt === null ? 'first start' : `since ${when(addedAt)} by ${addedBy ?? '-'}`,
    removedAt === null ? '' : `REMOVED ${when(removedAt)} by ${removedBy ?? '-'}`,
  ])
  const alone = `One operator only: what needs a second person counts ${singleOperatorDelayHours} hours after it was proposed.`
  return [table(rows), ...(mode === 'single-operator' ? [alone] : [])].join('\n')
}

function renderAdded({ name, credential, file, secondPersonFrom }: OperatorAdded): string {
  const second = secondPersonFrom === null ? '' : ` As a second person it counts from ${when(secondPersonFrom)} on.`
  return [
    file === null
      ? `${name} is an operator with this credential, which is not shown again:\n${credential}`
      : `${name} is an operator; the credential is in ${file}.`,
    `Use it with --as FILE or BULKHEAD_CREDENTIAL.${second}`,
  ].join('\n')
}

function renderApproval(each: ApprovalShown): string {
  const { approval, kind, what, state, proposedBy, proposedAt, reason, approvedBy, approvedAt, countsFrom } = each
  const by = origin(each)
  const lines = [`${approval}  ${kind}: ${STATES[state]}`, `  ${what}`, `  proposed by ${proposedBy}${by} ${when(proposedAt)}: ${reason}`]
  if (approvedBy !== null) lines.push(`  approved by ${approvedBy} ${when(approvedAt ?? proposedAt)}`)
  if (each.rejectedBy !== null) lines.push(`  rejected by ${each.rejectedBy}: ${each.rejectedReason ?? ''}`)
  if (countsFrom !== null && (state === 'approved' || state === 'pending')) {
    lines.push(`  counts from ${when(countsFrom)}${approvedBy === null ? ' even without a second person: there is one operator only' : ''}`)
  }
  return lines.join('\n')
}

function origin({ origin: from, proposedBy }: ApprovalShown): string {
  return from === 'file' && proposedBy !== 'bulkhead.yaml' ? ' (from bulkhead.yaml)' : ''
}

const STATES: Record<ApprovalShown['state'], string> = {
  pending: 'PENDING, waits for somebody else',
  approved: 'approved',
  counts: 'approved, counts',
  used: 'approved and done',
  rejected: 'rejected',
  expired: 'has run out',
  altered: 'NOT AS ON RECORD, counts for nothing',
}
