/**
 * What the stores of a stopped instance hold, read past the program by each store's own door, in a form that can be kept in
 * a file and compared. Give it a copy: opening a store for writing may change it.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { openLedger } from '#ledger/ledger.ts'
import { openLogReader } from '#log/log-reader.ts'
import { readWaiting } from '#log/waiting-file.ts'
import type { LogEntry } from '#model/log-entry.ts'
import type { Policy } from '#model/policy.ts'
import { openRecordsReader } from '#records/records.ts'
import { openVault } from '#vault/vault.ts'
import { askWarehouse } from './warehouse.ts'

export interface StoreFacts {
  instance: string
  /** Of all but the rules of consent and the recipients, which the first start writes into a policy from before them. */
  policy: { version: number; sha256: string }
  flows: unknown[]
  log: { head: number; tail: number; sha256: string }
  waiting: { blobs: number; sha256: string }
  ledger: { head: number; open: number[]; sha256: string; cursors: Record<string, unknown> }
  looks: { count: number; sha256: string }
  people: number
  epochs: unknown[]
  identities: string
  warehouse: unknown
}

/** `at`: a time at which no daily key has been destroyed yet. */
export async function readStores(place: { dataDir: string; keysDir: string; at: number }): Promise<StoreFacts> {
  const { dataDir, keysDir, at } = place
  const instance = /^instance (\S+)$/m.exec(readFileSync(path.join(dataDir, 'FORMAT'), 'utf8'))?.[1] ?? ''
  const clock = { now: () => at, sleep: async () => undefined }

  const records = openRecordsReader({ path: path.join(dataDir, 'records.db') })
  const policy = records.currentPolicy()
  const flows = records.flows().map((flow) => ({ ...flow }))
  records.close()

  const log = openLogReader({ dir: path.join(dataDir, 'log') })
  const entries: LogEntry[] = []
  for (let seq = log.tail(); seq <= log.head(); seq = (entries.at(-1)?.seq ?? seq) + 1) {
    entries.push(...log.read(seq, { entries: 1000, bytes: 1 << 24 }))
  }
  const logFacts = { head: log.head(), tail: log.tail(), sha256: hashOf(entries) }
  log.close()

  const ledger = await openLedger({ dir: path.join(dataDir, 'ledger'), clock })
  const ledgerFacts = {
    head: ledger.head,
    open: ledger.openIntents().map((intent) => intent.entry),
    sha256: hashOf(ledger.read(1, ledger.head)),
    cursors: {
      mixpanel: ledger.cursor('mixpanel'),
      'second-eu': ledger.cursor('second-eu'),
      events: ledger.loadCursor('events'),
      disclosures: ledger.loadCursor('disclosures'),
    },
  }
  await ledger.close()

  const vault = await openVault({ dataDir, keysDir, instance, clock })
  const waiting = entries.flatMap(({ waiting: ref }) => {
    const sealed = ref === undefined ? undefined : readWaiting(path.join(dataDir, 'waiting'), ref)
    return ref === undefined ? [] : [sealed === undefined ? undefined : vault.openWaiting(ref.day, sealed)]
  })
  const looks = vault.readLooks()
  const described = await vault.describe()
  const look = { actor: 'test', action: 'compare', reason: 'comparing two copies' }
  const people = Array.from({ length: described.people + 20 }, (_, index) => [index + 1])
  const identities = await vault.identities(people, look)
  await vault.close()
  return {
    instance,
    policy: { version: policy?.version ?? 0, sha256: hashOf(policy && withoutLater(policy.policy)) },
    flows,
    log: logFacts,
    waiting: { blobs: waiting.filter((text) => text !== undefined).length, sha256: hashOf(waiting) },
    ledger: ledgerFacts,
    looks: { count: looks.length, sha256: hashOf(looks) },
    people: described.people,
    epochs: described.epochs,
    identities: hashOf(identities),
    warehouse: await readWarehouse(path.join(dataDir, 'warehouse')),
  }
}

/** Columns of the first format, which every later one must still be able to answer from. */
async function readWarehouse(dir: string): Promise<unknown> {
  const [events] = await askWarehouse(
    dir,
    `SELECT count() AS rows, toString(sum(cityHash64(seq, recordIndex, arrival, source, surface, trust, type, event, user, device,
      toUnixTimestamp64Milli(time), properties, groupOrdinals))) AS sum FROM events`,
  )
  const [disclosures] = await askWarehouse(
    dir,
    `SELECT count() AS rows, toString(sum(cityHash64(entry, day, vendor, destination, epoch, surface, shape, subject, kind, events,
      toUnixTimestamp64Milli(sentAt), groups, state))) AS sum FROM disclosures`,
  )
  return { events, disclosures }
}

function hashOf(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(value) ?? '')
    .digest('hex')
}

function withoutLater({ consent: _, ...policy }: Policy): Policy {
  const { consent: __, ...store } = policy.store
  return { ...policy, store, destinations: policy.destinations.map(({ consent: ___, recipient: ____, ...rest }) => rest) }
}
