/**
 * A process that opens states of the disk, one after another, with the program's own code, and says which promises do not
 * hold on them. A process, because a store that is not whole may end whoever maps it.
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { lockInstance, openInstance, readChildren, readRun } from '#app/instance.ts'
import { assertStoresPresent } from '#app/stores.ts'
import { systemClock } from '#base/clock.ts'
import { toBulkheadError } from '#base/errors.ts'
import { openLedger } from '#ledger/ledger.ts'
import type { Ledger } from '#ledger/port.ts'
import { openLogReader } from '#log/log-reader.ts'
import { openLogWriter } from '#log/log-writer.ts'
import { readWaiting } from '#log/waiting-file.ts'
import type { Intent } from '#model/disclosure.ts'
import type { LogEntry } from '#model/log-entry.ts'
import { openRecords } from '#records/records.ts'
import type { Records } from '#records/port.ts'
import { createKeys, openVault, type Vault } from '#vault/vault.ts'

/** What the outside world knew when the power went. */
export interface Known {
  /** Set once the program has said that it is ready. */
  instanceId?: string
  /** Numbers of the events that an SDK was told are taken. */
  taken?: number[]
  /** SHA-256 of each request body that the vendor has seen. */
  bodies?: string[]
  /** Reasons of looks whose answers were shown. */
  looks?: string[]
  /** Ids of people that an import said are there. */
  people?: string[]
  /** Last answer about the flow to the vendor. */
  flow?: 'open' | 'cut' | 'either'
}

const known: Required<Omit<Known, 'instanceId' | 'flow'>> & Pick<Known, 'instanceId' | 'flow'> = {
  taken: [],
  bodies: [],
  looks: [],
  people: [],
}

function learn(more: Known): void {
  for (const list of ['taken', 'bodies', 'looks', 'people'] as const) (known[list] as unknown[]).push(...(more[list] ?? []))
  if (more.instanceId !== undefined) known.instanceId = more.instanceId
  if (more.flow !== undefined) known.flow = more.flow
}

async function problemsOf(folder: string): Promise<string[]> {
  const problems: string[] = []
  const find = (is: boolean, problem: string): void => void (is || problems.push(problem))
  const dataDir = path.join(folder, 'data')
  const env = { BULKHEAD_KEYS: path.join(folder, 'keys'), HOME: folder }
  const closing: (() => Promise<void> | void)[] = []
  let place = 'instance'
  try {
    const instance = openInstance({ dataDir, create: true, env })
    const lock = lockInstance(dataDir)
    closing.push(() => lock.release())
    readRun(dataDir)
    readChildren(dataDir)
    assertStoresPresent(instance)
    if (known.instanceId !== undefined)
      find(!instance.creating && instance.instanceId === known.instanceId, 'the instance is not the one that was ready')
    place = 'vault'
    const keys = { keysDir: instance.keysDir, instance: instance.instanceId }
    if (instance.creating && !existsSync(path.join(instance.keysDir, 'keys.db'))) await createKeys(keys)
    const vault = await openVault({ ...keys, dataDir, clock: systemClock })
    closing.push(() => vault.close())
    place = 'records'
    const records = openRecords({ path: instance.recordsPath })
    closing.push(() => records.close())
    place = 'ledger'
    const ledger = await openLedger({ dir: instance.ledgerDir, clock: systemClock })
    closing.push(() => ledger.close())
    place = 'log'
    const log = await openLogWriter({ dir: instance.logDir, waitingDir: instance.waitingDir, clock: systemClock })
    closing.push(() => log.close())
    const reader = openLogReader({ dir: instance.logDir })
    closing.push(() => reader.close())
    const entries: LogEntry[] = []
    while (entries.length < log.head) entries.push(...reader.read(entries.length + 1, { entries: 5000, bytes: 1 << 30 }))
    place = 'laws'
    checkLog(entries, instance.waitingDir, vault, records, find)
    await checkPeople(entries, vault, find)
    await checkLedger(ledger, log.head, vault, find)
    if (known.flow !== undefined && known.flow !== 'either')
      find(records.flow('mixpanel').state === known.flow, `the flow is not ${known.flow}`)
  } catch (thrown) {
    const error = toBulkheadError(thrown)
    problems.push(`${place}: ${error.code}: ${error.message} ${error.code === 'internal' ? (error.stack ?? '') : ''}`)
  } finally {
    for (const close of closing.reverse()) await close()
  }
  return problems
}

type Find = (is: boolean, problem: string) => void

/** Law 4: what was taken is there, with the text that waits, the policy that opened it and the people it is about. */
function checkLog(entries: readonly LogEntry[], waitingDir: string, vault: Vault, records: Records, find: Find): void {
  const copies = new Map<number, number>()
  for (const entry of entries) {
    for (const { properties } of entry.records) copies.set(Number(properties?.n), (copies.get(Number(properties?.n)) ?? 0) + 1)
    find(records.policy(entry.policy) !== undefined, `log entry ${entry.seq} was split under a policy that is not on record`)
    if (entry.waiting === undefined) continue
    const sealed = readWaiting(waitingDir, entry.waiting)
    const text = sealed === undefined ? undefined : vault.openWaiting(entry.waiting.day, sealed)
    find(text !== undefined, `the waiting text of log entry ${entry.seq} does not open`)
  }
  for (const n of known.taken) find(copies.get(n) === 1, `event ${n} was taken and is ${copies.get(n) ?? 0} times in the log`)
}

/** Every ordinal in the log is a person who can be named; what was looked at is on record; who was imported is found. */
async function checkPeople(entries: readonly LogEntry[], vault: Vault, find: Find): Promise<void> {
  const looks = new Set(vault.readLooks().map(({ entry }) => entry?.reason))
  find(!looks.has(undefined), 'a look does not open')
  for (const reason of known.looks) find(looks.has(reason), `the look "${reason}" is not on record`)
  const ordinals = new Set(entries.flatMap(({ records }) => records.flatMap(({ user }) => (user === undefined ? [] : [user]))))
  const look = { actor: 'test', action: 'open', reason: 'after a power cut' }
  const identities = await vault.identities(
    [...ordinals].map((ordinal) => [ordinal]),
    look,
  )
  for (const [at, { ids }] of identities.entries()) find(ids.length > 0, `ordinal ${[...ordinals][at]} of the log names nobody`)
  for (const id of known.people) find((await vault.resolve(id, look)).length > 0, `${id} was imported and is not found`)
}

/** Law 3: the ledger holds at least what the vendor has seen, and all of it can be read. */
async function checkLedger(ledger: Ledger, logHead: number, vault: Vault, find: Find): Promise<void> {
  const intents: Intent[] = []
  for (let from = 1; from <= ledger.head; ) {
    const slice = ledger.read(from, 1000)
    for (const entry of slice) if (entry.type === 'intent') intents.push(entry)
    from += slice.length
  }
  const bodies = new Set(intents.map((intent) => intent.bodySha256))
  for (const body of known.bodies) find(bodies.has(body), 'the vendor has seen a request without an intent')
  await vault.openManifests(intents.map(({ entry, manifest }) => ({ entry, sealed: manifest })))
  const epochs = new Set((await vault.describe()).epochs.map(({ destination, epoch }) => `${destination} ${epoch}`))
  for (const { destination, epoch } of intents) find(epochs.has(`${destination} ${epoch}`), 'an intent names an epoch without keys')
  for (const { to, entry } of intents) find(to.seq <= logHead + 1, `intent ${entry} is of log entries that are not there`)
  find(ledger.loadCursor('events') <= logHead + 1, 'the cursor of the warehouse stands behind the end of the log')
}

process.on('message', (message: { learn?: Known; folder?: string }) => {
  if (message.learn !== undefined) learn(message.learn)
  if (message.folder === undefined) return
  void problemsOf(message.folder).then((problems) => process.send?.({ problems: problems.slice(0, 5) }))
})
