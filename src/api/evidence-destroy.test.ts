/** A sealed file is destroyed by two people alone, and leaves its row, its hash and a line of the timeline. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { Ajv } from 'ajv'
import type { EvidenceRow } from '#records/evidence-records.ts'
import type { Records } from '#records/port.ts'
import { openRecords } from '#records/records.ts'
import type { EvidenceDestroyResult } from './evidence-destroy-contract.ts'
import type { IncidentShow } from './incident-contract.ts'
import { type Staff, startStaff } from './staff.ts'
import { setStage, type Stage } from './staff-fixture.ts'

const ANNA = 'credential-of-anna-who-proposes'
const BERTA = 'credential-of-berta-who-approves'
const SCHEMA = path.join(import.meta.dirname, '..', '..', 'docs', 'schemas', 'incident-evidence-destroy.schema.json')

let folder: string
let records: Records
let stage: Stage
let staff: Staff
const rows = new Map<string, EvidenceRow>()

before(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'bh-'))
  records = openRecords({ path: path.join(folder, 'records.db') })
  stage = setStage(records, ANNA)
  records.operators.add({ name: 'berta', credentialSha256: createHash('sha256').update(BERTA).digest('hex'), at: 1, by: 'operator' })
  const destroy: Stage['deps']['evidence']['destroy'] = async (id, look) => {
    stage.looks.push(`${look.action} ${id}`)
    const row = { ...(rows.get(id) ?? assert.fail()), destroyedAt: 7 }
    rows.set(id, row)
    return row
  }
  staff = await startStaff({ ...stage.deps, evidence: { ...stage.deps.evidence, row: (id) => rows.get(id), destroy } })
})

after(async () => {
  await staff?.close()
  records?.close()
  rmSync(folder, { recursive: true, force: true })
})

async function send(as: string, place: string, body?: object): Promise<{ status: number; answer: unknown }> {
  const response = await fetch(`http://127.0.0.1:${staff.port}/v1${place}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${as}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, answer: await response.json() }
}

async function evidenceOf(incident: number, id: string): Promise<string> {
  const body = { id, sha256: createHash('sha256').update(id).digest('hex'), bytes: 12 }
  rows.set(id, { ...body, owner: `incident:${incident}`, kind: 'file', at: 0, actor: 'operator', destroyedAt: null } as EvidenceRow)
  const look = { actor: 'operator', action: 'test', reason: 'test' }
  await stage.deps.incidents.add(incident, look, () => ({ kind: 'evidence', body, texts: { file: 'mail.eml' } }))
  return id
}

const open = async (): Promise<number> =>
  ((await send(ANNA, '/incidents', { vendor: 'acme', told: '2025-11-25T18:00:00Z' })).answer as { id: number }).id
const codeOf = ({ answer }: { answer: unknown }): string => (answer as { error: { code: string } }).error.code

test('one person proposes, a second approves that very file, and the same words then destroy it', async () => {
  const [incident, other] = [await open(), await open()]
  const [id, kept] = [await evidenceOf(incident, 'evidence-one'), await evidenceOf(incident, 'evidence-two')]
  const destroy = (reason: string, of = id, at = incident) => send(ANNA, `/incidents/${at}/evidence/${of}/destroy`, { reason })
  assert.equal(codeOf(await destroy(' ')), 'reason_required')
  assert.equal(codeOf(await destroy('r', 'evidence-none')), 'not_found')
  assert.equal(codeOf(await destroy('r', id, other)), 'not_found', 'it is of another incident')

  const proposed = (await destroy('the person wants it gone')).answer as EvidenceDestroyResult
  const follows = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(SCHEMA, 'utf8')) as object)
  assert.ok(follows(proposed), JSON.stringify(follows.errors))
  assert.equal(proposed.state, 'proposed')
  assert.deepEqual(JSON.parse(proposed.what), { incident, evidence: id, sha256: proposed.evidence.sha256, bytes: 12 })
  assert.equal(((await destroy('again')).answer as EvidenceDestroyResult).approval, proposed.approval, 'it is one proposal')
  assert.equal(rows.get(id)?.destroyedAt, null)
  const approve = (as: string) => send(as, `/approvals/${proposed.approval}/approve`, { reason: 'seen' })
  assert.equal(codeOf(await approve(ANNA)), 'approval_own')
  assert.equal((await approve(BERTA)).status, 200)

  const done = (await destroy('the person wants it gone')).answer as EvidenceDestroyResult
  assert.ok(follows(done), JSON.stringify(follows.errors))
  assert.deepEqual([done.state, rows.get(id)?.destroyedAt, rows.get(kept)?.destroyedAt], ['destroyed', 7, null])
  assert.equal(codeOf(await destroy('r')), 'not_found', 'it was destroyed')
  const second = (await destroy('r', kept)).answer as EvidenceDestroyResult
  assert.deepEqual([second.state, second.approval === proposed.approval], ['proposed', false], 'an approval is of one file, once')

  const shown = (await send(ANNA, `/incidents/${incident}`)).answer as IncidentShow
  assert.ok(
    shown.evidence.some((each) => each.id === id && each.sha256 === done.evidence.sha256),
    'row and hash stay',
  )
  assert.ok(shown.timeline.some(({ text }) => text.includes(`evidence ${id} is destroyed`)))
})
