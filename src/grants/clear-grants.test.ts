import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { BulkheadError } from '#base/errors.ts'
import { DAY_MS } from '#base/clock.ts'
import type { Grant, Policy } from '#model/policy.ts'
import { type PolicyStatement, statementBytes } from '#model/policy-statement.ts'
import { isSameRecipient, type Recipient } from '#model/recipient.ts'
import { isClearGrant } from '#policy/policy.ts'
import { type Approvals, createApprovals } from '#records/approvals.ts'
import type { Records } from '#records/port.ts'
import { testApprovalRecord } from '#records/approvals-fixture.ts'
import { openRecords } from '#records/records.ts'
import { applyClear, checkDays, type ClearEffectPorts, partUnapproved, pendingGrants, proposeClear } from './clear-grants.ts'
import { takeConfigured } from './configured.ts'
import { recordVersion } from './versions.ts'

const START = 1_800_000_000_000

interface Stage {
  records: Records
  approvals: Approvals
  ports: ClearEffectPorts
  now: number
  statements: Omit<PolicyStatement, 'instance'>[]
  apply(next: Policy, actor: string): Promise<void>
  settle(): Promise<void>
}

async function stage(run: (stage: Stage) => Promise<void>): Promise<void> {
  const records = openRecords({ path: ':memory:' })
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const key = publicKey.export({ format: 'der', type: 'spki' }).toString('base64')
  const set = { records, now: START, statements: [] } as unknown as Stage
  set.approvals = createApprovals({ records, known: testApprovalRecord(), now: () => set.now, singleOperatorDelayHours: 24 })
  set.ports = {
    records,
    approvals: set.approvals,
    clock: { now: () => set.now },
    gatewayTakes: async () => undefined,
    vault: {
      signPolicy: async (statement) => {
        set.statements.push(statement)
        const whole: PolicyStatement = { ...statement, instance: 'i' }
        return { statement: whole, key, signature: sign(null, statementBytes(whole), privateKey).toString('base64') }
      },
    },
  }
  set.apply = async (next, actor) => {
    const { policy, asks } = partUnapproved(inForce(records), next, set.now)
    await recordVersion({ policy, actor, reason: 'r', origin: 'apply' }, set.ports)
    if (asks.length > 0) await proposeClear(asks, { actor, reason: 'needed' }, set.approvals)
  }
  set.settle = async () => {
    for (const each of await set.approvals.settle()) await applyClear(each, set.ports)
  }
  records.operators.adoptFirst('ann', 'a'.repeat(64))
  records.operators.add({ name: 'bob', credentialSha256: 'b'.repeat(64), at: START - 2 * DAY_MS, by: 'ann' })
  await run(set)
  records.close()
}

function inForce(records: Records): Policy {
  return records.currentPolicy()?.policy ?? policyOf([])
}

function policyOf(grants: Grant[], recipient?: Recipient): Policy {
  return {
    store: { events: [], properties: [], paths: [], referrers: [] },
    destinations: [
      { vendor: 'v', destination: 'd', protocol: 'p', ...(recipient && { recipient }), events: [], properties: [], grants, consent: [] },
    ],
  }
}

function clear(field: Grant['field'], days: number, change: Partial<Grant> = {}): Grant {
  return { field, form: 'clear', purpose: 'p', until: START + days * DAY_MS, rule: 'grant:1', reason: 'why', ...change }
}

const OS: Grant = { field: 'os', form: 'coarse', purpose: 'p', until: null, rule: 'grant:2' }
const clearIn = (records: Records): Grant[] => inForce(records).destinations.flatMap(({ grants }) => grants.filter(isClearGrant))

test('the rest counts at once, the clear field once somebody else agrees, as a version that names both', () =>
  stage(async ({ apply, approvals, records, settle, statements }) => {
    await apply(policyOf([clear('email', 30), OS]), 'ann')
    assert.deepEqual(inForce(records).destinations[0]?.grants, [OS])
    const [pending] = pendingGrants(approvals)
    assert.deepEqual([pending?.field, pending?.approval, pending?.countsFrom], ['email', 1, null])
    await apply(policyOf([clear('email', 30), OS]), 'bob')
    assert.equal(approvals.list().length, 1, 'the same is not proposed twice')
    await approvals.approve(1, 'bob', 'agreed')
    await settle()
    const approval = { id: 1, proposedBy: 'ann', approvedBy: 'bob' }
    assert.deepEqual(inForce(records).destinations[0]?.grants, [{ ...clear('email', 30), approval }, OS])
    const { actor, approvedBy, approval: id, origin } = statements.at(-1) as PolicyStatement
    assert.deepEqual([actor, approvedBy, id, origin], ['ann', 'bob', 1, 'approval'])
    assert.deepEqual(pendingGrants(approvals), [])

    await apply(policyOf([clear('email', 30), OS]), 'bob')
    assert.deepEqual(clearIn(records), [{ ...clear('email', 30), approval }], 'stated again it stays, without anybody')
    await apply(policyOf([clear('email', 60), OS]), 'bob')
    assert.deepEqual(clearIn(records), [{ ...clear('email', 30), approval }], 'a longer time waits, and the shorter one goes on')
    assert.equal(pendingGrants(approvals).length, 1)
    await apply(policyOf([clear('email', 10), OS]), 'bob')
    assert.deepEqual(clearIn(records), [{ ...clear('email', 10), approval }], 'a shorter one narrows and needs nobody')
    await apply(policyOf([OS]), 'bob')
    assert.deepEqual(clearIn(records), [])
    await apply(policyOf([clear('email', 10), OS]), 'bob')
    assert.deepEqual(clearIn(records), [], 'what was taken back has to be agreed to anew')
  }))

test('what was cut off in the middle is brought about once, and what has run out by then is not', () =>
  stage(async (set) => {
    const { apply, approvals, records, settle, ports, statements } = set
    await apply(policyOf([clear('email', 30), OS]), 'ann')
    const approved = await approvals.approve(1, 'bob', 'agreed')
    await assert.rejects(applyClear(approved, { ...ports, approvals: { ...approvals, use: () => assert.fail('killed here') } }))
    assert.equal(clearIn(records).length, 1)
    const before = statements.length
    await settle()
    assert.deepEqual([statements.length, approvals.stateOf(approvals.get(1))], [before, 'used'])

    await apply(policyOf([clear('phone', 2), OS]), 'ann')
    set.now += 2 * DAY_MS
    await assert.rejects(approvals.approve(2, 'bob', 'late'), { code: 'approval_closed' })
    await settle()
    assert.ok(!clearIn(records).some(({ field }) => field === 'phone'))
  }))

test('a file proposes and two people have to agree; what it asks for too long is refused with nothing kept', () =>
  stage(async ({ records, approvals, ports, settle }) => {
    const options = { approvals, clearDaysMax: 400, say: () => undefined }
    await assert.rejects(takeConfigured(policyOf([clear('email', 401)]), ports, options), { code: 'policy_invalid' })
    assert.deepEqual([records.policyNumber(), approvals.list().length], [0, 0])
    const away = { ...ports, vault: { signPolicy: () => Promise.reject(new Error('the vault is away')) } }
    await assert.rejects(takeConfigured(policyOf([clear('email', 400), OS]), away, options))
    await takeConfigured(policyOf([clear('email', 400), OS]), ports, options)
    assert.equal(approvals.list().length, 1, 'whatever a start is cut off at, it is proposed, and once')
    assert.deepEqual(inForce(records).destinations[0]?.grants, [OS])
    await approvals.approve(1, 'bob', 'I wrote it')
    await settle()
    assert.deepEqual(clearIn(records), [])
    await approvals.approve(1, 'ann', 'agreed')
    await settle()
    assert.equal(clearIn(records).length, 1)
    await takeConfigured(policyOf([clear('email', 400), OS]), ports, options)
    assert.equal(clearIn(records).length, 1, 'the same file takes nothing back')
    await takeConfigured(policyOf([OS]), ports, options)
    assert.equal(clearIn(records).length, 0, 'a file without it does')
    assert.throws(() =>
      checkDays([{ ...clear('name', 3), destination: 'd', reason: 'r', until: START + 3 * DAY_MS }], { now: START, clearDaysMax: 2 }),
    )
  }))

const MAIN: Recipient = { address: 'https://api.vendor.example', project: 'a'.repeat(32) }
const MOVED: Recipient = { address: 'https://elsewhere.example', project: 'a'.repeat(32) }
const OTHER: Recipient = { ...MAIN, project: 'b'.repeat(32) }

test('what was agreed to for one recipient ends when the file names another, says so once, and is asked for anew', () =>
  stage(async ({ records, approvals, ports, settle, apply }) => {
    const said: string[] = []
    const options = { approvals, clearDaysMax: 400, say: (text: string) => void said.push(text) }
    const file = [clear('email', 30), OS]
    const take = async (recipient?: Recipient): Promise<void> => void (await takeConfigured(policyOf(file, recipient), ports, options))
    const agree = async (id: number): Promise<void> => {
      for (const who of ['ann', 'bob']) await approvals.approve(id, who, 'agreed')
      await settle()
    }
    // As an earlier program had it: agreed to without a recipient.
    await take()
    await agree(1)
    assert.deepEqual([clearIn(records)[0]?.approval?.recipient, said], [undefined, []])
    // It holds for where it then went, which is said once.
    await take(MAIN)
    assert.deepEqual(clearIn(records)[0]?.approval, { id: 1, proposedBy: 'ann', approvedBy: 'bob', recipient: MAIN })
    assert.match(said.join(), /^d: what was agreed to \(email in the clear\) holds for https:\/\/api\.vendor\.example \(project a{8}\)/)
    const adopted = records.policyNumber()
    await take(MAIN)
    assert.deepEqual([records.policyNumber(), said.length, approvals.list().length], [adopted, 1, 1], 'the same again changes nothing')
    // Stated by command it goes nowhere else either.
    await apply(policyOf([clear('email', 10), OS], MAIN), 'ann')
    assert.deepEqual(
      clearIn(records).map(({ approval }) => approval?.recipient),
      [MAIN],
    )

    for (const elsewhere of [MOVED, OTHER, MAIN]) {
      const before = approvals.list().length
      await take(elsewhere)
      assert.deepEqual(inForce(records).destinations[0]?.grants, [OS], 'narrowed at once')
      assert.match(said.at(-1) ?? '', /d sends to .* now, before to .*; email in the clear was agreed to for the former only/)
      const [pending, ...others] = pendingGrants(approvals)
      assert.deepEqual([pending?.recipient, others, approvals.list().length], [elsewhere, [], before + 1])
      await take(elsewhere)
      assert.equal(approvals.list().length, before + 1, 'and once')
      await agree(pending?.approval ?? 0)
      assert.deepEqual(
        clearIn(records).map(({ approval }) => approval?.recipient),
        [elsewhere],
      )
    }
  }))

test('what waits for a second person while the recipient changes lets nothing through to the new one', () =>
  stage(async ({ records, approvals, ports, settle }) => {
    const options = { approvals, clearDaysMax: 400, say: () => undefined }
    const take = async (recipient?: Recipient): Promise<void> =>
      void (await takeConfigured(policyOf([clear('email', 30), OS], recipient), ports, options))
    await take(MAIN)
    await approvals.approve(1, 'ann', 'I wrote it')
    await approvals.approve(1, 'bob', 'agreed')
    // Killed before it was put to use; the file is changed meanwhile.
    await take(MOVED)
    await settle()
    assert.deepEqual(
      [clearIn(records), approvals.stateOf(approvals.get(1)), approvals.stateOf(approvals.get(2))],
      [[], 'rejected', 'pending'],
    )
    // And where the rejection was lost, what it says is for nobody whom the policy knows.
    await applyClear(
      { ...approvals.get(1), rejectedAt: null },
      { ...ports, approvals: { ...approvals, use: async () => approvals.get(1) } },
    )
    assert.deepEqual(clearIn(records), [])
    // Proposed by an earlier program: nobody said for whom.
    await proposeClear(
      [{ ...clear('phone', 9), destination: 'd', until: START + DAY_MS, reason: 'r' }],
      { actor: 'ann', reason: 'r' },
      approvals,
    )
    await take(MOVED)
    assert.deepEqual(
      pendingGrants(approvals).map(({ field, recipient }) => [field, recipient]),
      [
        ['phone', MOVED],
        ['email', MOVED],
      ],
    )
  }))

const anyGrant = fc
  .record({
    field: fc.constantFrom<Grant['field']>('email', 'name', 'user_id', 'os'),
    form: fc.constantFrom('clear' as const, 'pseudonym' as const, 'coarse' as const),
    days: fc.constantFrom(-1, 1, 10),
    purpose: fc.constantFrom('p', 'q'),
    forged: fc.boolean(),
  })
  .map(({ field, form, days, purpose, forged }): Grant => {
    // Nothing that is proposed can carry an approval; whoever gets one in all the same gains nothing.
    const approval = forged ? { approval: { id: 9, proposedBy: 'x', approvedBy: 'y' } } : {}
    return clear(field, days, { form, purpose, ...approval })
  })
const anyStep = fc.record({
  what: fc.constantFrom('apply', 'apply', 'approve', 'reject', 'wait', 'start'),
  recipient: fc.constantFrom(MAIN, MOVED),
  grants: fc.array(anyGrant, { maxLength: 4 }),
  who: fc.constantFrom('ann', 'bob'),
  id: fc.integer({ min: 1, max: 4 }),
})

test('whatever is applied, approved and rejected in whatever order: every clear grant in force is one that two people agreed to', () =>
  fc.assert(
    fc.asyncProperty(fc.array(anyStep, { maxLength: 15 }), (steps) =>
      stage(async (set) => {
        let to: Recipient | undefined
        for (const { what, grants, who, id, recipient } of steps) {
          if (what === 'wait') set.now += DAY_MS / 2
          else if (what === 'apply') await set.apply(policyOf(grants, to), who)
          else if (what === 'start') {
            to = recipient
            await takeConfigured(policyOf(grants, to), set.ports, { approvals: set.approvals, clearDaysMax: 400, say: () => undefined })
          } else
            await set.approvals[what](id, who, 'r').catch((thrown: unknown) => {
              assert.ok(thrown instanceof BulkheadError)
            })
          await set.settle()
          for (const grant of clearIn(set.records)) {
            const { id: number = 0 } = grant.approval ?? {}
            const approval = set.approvals.get(number)
            const asked = JSON.parse(approval.what) as { field: string; purpose: string; until: number; recipient?: Recipient }[]
            assert.ok(
              asked.some(
                ({ field, purpose, until, recipient: whom = grant.approval?.recipient }) =>
                  field === grant.field && purpose === grant.purpose && until >= (grant.until ?? 0) && isSameRecipient(whom, to),
              ),
            )
            assert.deepEqual(grant.approval?.recipient, to)
            assert.deepEqual([grant.approval?.proposedBy, grant.approval?.approvedBy], [approval.proposedBy, approval.approvedBy])
            assert.ok(approval.approvedBy !== null && approval.approvedBy !== approval.proposedBy)
          }
        }
      }),
    ),
    { numRuns: 150 },
  ))
