/**
 * The processes of `notices`: a vault that knows the people, the desk that tells them as the staff role does, and a bare pool of
 * nodemailer that sends the same mails to the same addresses. Started with a role and a folder.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createTransport } from 'nodemailer'
import { openNotices } from '#app/notice-ports.ts'
import { systemClock } from '#base/clock.ts'
import { RpcClient } from '#base/rpc.ts'
import type { NoticeSubject } from '#model/notice-text.ts'
import type { NoticesConfig } from '#model/notices-config.ts'
import { makeDraft } from '#notices/draft.ts'
import { loadNoticeTemplates } from '#notices/text/templates.ts'
import { noticeWords } from '#notices/words.ts'
import { openRecords } from '#records/records.ts'
import { incidentVault, staffVault } from '#vault/client.ts'
import { noticeOpener } from '#vault/notice-server.ts'
import { serveVault } from '#vault/server.ts'
import { createKeys, openVault } from '#vault/vault.ts'

const INSTANCE = '6f1f3c6e-6f0e-4d5a-9d43-2f5a0f6f7c11'
const LOOK = { actor: 'bench', action: 'bench', reason: 'bench' }
const OF = { incident: 1, version: 1 }
const PEOPLE_A_CALL = 1000
/** After so many mails our connections are opened anew. */
const MAILS_A_CONNECTION = 200
const DKIM = 'dkim.pem'
const SENT: readonly { field: string; form: string }[] = [
  { field: 'email', form: 'clear' },
  { field: 'user_id', form: 'pseudonym' },
  { field: 'device_id', form: 'pseudonym' },
  { field: 'country', form: 'coarse' },
  { field: 'browser', form: 'coarse' },
  { field: 'event', form: 'clear' },
  { field: 'time', form: 'coarse' },
]

interface Given {
  place: string
  /** Of the mail server, or for the vault how many people there are. */
  number: number
  connections: number
}

/** One in three reads Hindi, whose mails are the longer ones. */
function languageOf(index: number): string {
  return index % 3 === 0 ? 'hi' : 'en'
}

function addressOf(index: number): string {
  return `p${index}@example.org`
}

function configOf({ place, number: port, connections }: Given): NoticesConfig {
  return {
    company: 'Example Ltd',
    officialDomain: 'company.example',
    checkUrl: 'https://company.example/check',
    contact: { team: 'Privacy team', mail: 'privacy@company.example', hours: undefined, languages: undefined, dpo: undefined },
    from: { name: 'Example security', address: 'security@company.example' },
    smtp: { host: 'localhost', port, tls: 'none', user: undefined, passwordFile: undefined, ca: undefined, connections, perSecond: 10_000 },
    dkim: { domain: 'company.example', selector: 'n1', keyFile: path.join(place, DKIM) },
    defaultLanguage: 'en',
    zone: 'UTC',
  }
}

function subjectOf({ company, officialDomain, checkUrl }: NoticesConfig): NoticeSubject {
  const now = Date.now()
  return {
    ...OF,
    versionId: randomBytes(16).toString('hex'),
    company,
    officialDomain,
    checkUrl,
    contact: { team: 'Privacy team', mail: 'privacy@company.example' },
    vendor: { name: 'Mixpanel', what: 'analytics provider' },
    times: { eventFrom: now - 20 * 86_400_000, told: now - 86_400_000, aware: now - 3_600_000 },
    zone: 'UTC',
    notSent: ['birth_date', 'ip', 'national_id', 'postal_code', 'address'],
    checked: { policyFrom: 1, policyTo: 3, entries: 184_220 },
    measures: ['cut'],
    date: now,
  }
}

// --------------------------------------------------------------------------------------------------------- roles

async function runVault({ place, number: people }: Given): Promise<void> {
  const keys = { dataDir: path.join(place, 'vault'), keysDir: path.join(place, 'keys'), instance: INSTANCE }
  mkdirSync(keys.dataDir, { recursive: true })
  await createKeys(keys)
  const vault = await openVault({ ...keys, clock: systemClock, sources: [{ id: 'web', trust: 'server' }] })
  const ordinals: number[] = []
  for (let start = 0; start < people; start += PEOPLE_A_CALL) {
    const indices = Array.from({ length: Math.min(PEOPLE_A_CALL, people - start) }, (_, index) => start + index)
    const rows = indices.map((index) => ({
      id: `u-${index}`,
      email: addressOf(index),
      name: `Person ${index}`,
      language: languageOf(index),
      groups: [],
    }))
    await vault.importDirectory(rows, 'default', LOOK)
    const identifiers = rows.map(({ id }): ['default', 'id', string, 'user'] => ['default', 'id', id, 'user'])
    const newcomers = [{ source: 'web', network: null, count: identifiers.length }]
    ordinals.push(...(await vault.commitWindow({ identifiers, facts: [], edges: [], memberships: [], newcomers })).ordinals)
  }
  writeFileSync(path.join(place, 'people.json'), JSON.stringify(ordinals))
  await serveVault({ vault, path: path.join(place, 'v.sock'), tokens: { staff: 'bench-token' } })
  process.send?.('ready')
}

/** The desk with the ports that the staff role gives it; of the incident there is only the signed row by which this began. */
async function runDesk(given: Given): Promise<void> {
  const { place } = given
  const config = configOf(given)
  const client = new RpcClient({ path: path.join(place, 'v.sock'), token: 'bench-token', unavailable: 'vault_unavailable' })
  const vault = staffVault(client)
  const records = openRecords({ path: path.join(place, 'records.db') })
  const people = JSON.parse(readFileSync(path.join(place, 'people.json'), 'utf8')) as number[]
  const words = noticeWords(loadNoticeTemplates())
  const draft = await makeDraft(
    {
      subject: subjectOf(config),
      exposed: {
        exposures: [{ sent: SENT, possibleOnly: false }],
        of: new Map(people.map((person) => [person, 0])),
        organisations: new Map(),
        people: { personOf: (ordinal) => ordinal, identifiersOf: (person) => [person] },
      },
      language: 'auto',
      defaultLanguage: config.defaultLanguage,
      told: { reached: new Float64Array(0), counted: new Float64Array(0), countedIn: new Float64Array(), administrators: [] },
      surface: undefined,
      isFreeText: () => false,
      listsMembers: true,
    },
    { vault: noticeOpener(client), words },
    LOOK,
  )
  const head = { incident: OF.incident, row: 1, kind: 'notice-begun' as const, at: Date.now(), before: '' }
  const begun = await incidentVault(client).signIncidentRow(
    { ...head, body: JSON.stringify({ id: draft.content.subject.versionId }) },
    undefined,
    LOOK,
  )
  // What the notices tell is so.
  records.cut('vendor', { at: 0, actor: LOOK.actor, reason: '' })
  const state = { vendor: 'vendor', times: { told: 0 } }
  const desk = openNotices({
    instance: { dataDir: place, keysDir: place, runtimeDir: place } as never,
    config,
    records: { ...records, incidentRows: () => [begun] },
    vaultClient: client,
    vault,
    incidents: { add: async () => undefined, state: () => state } as never,
    leaving: { deletions: async () => ({ erasures: [], leaving: [] }) },
    peopleNotified: async () => undefined,
  })
  await desk.keep(draft, 1, LOOK.actor)
  process.on('message', ({ limitMs }: { limitMs: number }) => {
    void (async () => {
      const stopAt = Date.now() + limitMs
      desk.begin(OF, { ...desk.wayOf(undefined), approval: null })
      while (desk.isRunning(OF) && Date.now() < stopAt) await sleep(10)
      if (desk.isRunning(OF)) await desk.stop(OF)
      process.send?.({ sent: desk.counts(OF).sent })
    })()
  })
  process.send?.('ready')
}

/** Two mails for each connection are asked for at a time, so that none of them ever waits for the next. */
function runBare(given: Given): void {
  const { place, connections } = given
  const { from, officialDomain, smtp, dkim } = configOf(given)
  const subject = subjectOf(configOf(given))
  const words = noticeWords(loadNoticeTemplates())
  const sent = SENT.map(({ field, form }) => ({ field, form: form as 'clear' }))
  const shape = { key: '', kind: 'person' as const, sent, surfaces: [], possibleOnly: false }
  const person = { name: 'Person 1234', code: 'BH-7K2QD-00000-00000-00000-00000' }
  const mails = new Map(['en', 'hi'].map((language) => [language, words.render(language, subject, shape, person)]))
  const pool = createTransport({
    pool: true,
    host: smtp?.host ?? '',
    port: smtp?.port ?? 0,
    ignoreTLS: true,
    maxConnections: connections,
    maxMessages: MAILS_A_CONNECTION,
    dkim: { domainName: dkim?.domain ?? '', keySelector: dkim?.selector ?? '', privateKey: readFileSync(path.join(place, DKIM), 'utf8') },
  })
  let next = 0
  process.on('message', ({ limitMs, count }: { limitMs: number; count: number }) => {
    const stopAt = Date.now() + limitMs
    const end = next + count
    let sentNow = 0
    const sendSome = async (): Promise<void> => {
      while (next < end && Date.now() < stopAt) {
        const index = next++
        const { subject: line, text, html } = mails.get(languageOf(index)) as { subject: string; text: string; html: string }
        await pool.sendMail({
          from,
          to: addressOf(index),
          subject: line,
          text,
          html,
          messageId: `<notice.${randomBytes(18).toString('hex')}@${officialDomain}>`,
          headers: { 'Auto-Submitted': 'auto-generated' },
        })
        sentNow += 1
      }
    }
    void Promise.all(Array.from({ length: connections * 2 }, sendSome)).then(() => process.send?.({ sent: sentNow }))
  })
  process.send?.('ready')
}

const [role, place = '', number, connections] = process.argv.slice(2)
const given = { place, number: Number(number), connections: Number(connections) }
process.on('SIGTERM', () => process.exit(0))
process.on('disconnect', () => process.exit(0))
if (role === 'vault') await runVault(given)
else if (role === 'desk') await runDesk(given)
else runBare(given)
