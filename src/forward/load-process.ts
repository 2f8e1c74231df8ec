/**
 * Test support: both loaders in a process that can be killed, over the real log and ledger. It appends disclosures of its
 * own while it runs, since the ledger has one writer. Words on its input: `finish` stops the appending and passes the
 * barriers; the answer is `done`.
 */
import { systemClock, DAY_MS } from '#base/clock.ts'
import type { Clock } from '#base/clock.ts'
import { openLedger } from '#ledger/ledger.ts'
import type { IntentDraft, Ledger } from '#ledger/port.ts'
import { openLogReader } from '#log/log-reader.ts'
import type { Intent, ManifestRow, OutcomeState } from '#model/disclosure.ts'
import { openWarehouse } from '#warehouse/client.ts'
import { createDisclosureLoader } from '#forward/load-disclosures.ts'
import { createEventLoader } from '#forward/load-events.ts'
import type { Loader } from '#forward/load-step.ts'

const STATES: readonly OutcomeState[] = ['delivered', 'possible', 'not_sent']

/** What intent `entry` disclosed: known to the test as well, so that it can say what must be loaded. */
export function manifestOf(entry: number): ManifestRow[] {
  return Array.from({ length: 1 + (entry % 40) }, (_, index) => ({
    subject: 1 + ((entry * 31 + index) % 1_000),
    kind: 'user',
    surface: 'app',
    shape: index % 2 === 0 ? 'user_id:pseudonym' : 'country:coarse',
    events: 1 + index,
    first: 1_000 * entry,
    last: 1_000 * entry + index,
    groups: [entry % 7],
  }))
}

export async function openManifests(intents: readonly Intent[]): Promise<ManifestRow[][]> {
  return intents.map((intent) => manifestOf(intent.entry))
}

/** Every tenth intent is an hour before midnight, the others an hour after: a plan touches both days. */
function twoDays(): Clock {
  const base = Math.floor(Date.now() / DAY_MS) * DAY_MS
  let calls = 0
  return { ...systemClock, now: () => base + (calls++ % 10 === 0 ? -1 : 1) * 3_600_000 }
}

async function discloseOnce(ledger: Ledger, seq: number): Promise<void> {
  const draft: IntentDraft = {
    vendor: 'acme',
    destination: seq % 3 === 0 ? 'acme-eu' : 'acme-us',
    route: '/import',
    epoch: 1,
    policy: 1,
    encoder: 1,
    purpose: 'analytics',
    from: { seq, index: 0 },
    to: { seq: seq + 1, index: 0 },
    bodySha256: '00'.repeat(32),
    records: 1,
    subjects: 40,
    first: 1,
    last: 2,
    fence: 0,
  }
  const intents = await ledger.appendSealed([draft, draft, draft], async (entries) =>
    entries.map((entry) => Buffer.from(`rows of ${entry}`).toString('base64')),
  )
  await ledger.appendOutcomes(
    intents.map((intent) => ({
      intent: intent.entry,
      state: STATES[intent.entry % 3] as OutcomeState,
      attempts: 1,
      status: 200,
      refused: [],
    })),
  )
}

async function main(folders: { log: string; ledger: string; socket: string; token: string }): Promise<void> {
  const ledger = await openLedger({ dir: folders.ledger, clock: twoDays() })
  const log = openLogReader({ dir: folders.log })
  const warehouse = openWarehouse({ path: folders.socket, token: folders.token, role: 'worker' })
  const events = createEventLoader({ log, ledger, warehouse, clock: systemClock, batchRows: 400 })
  const disclosures = createDisclosureLoader({ ledger, warehouse, manifests: openManifests, clock: systemClock, batchRows: 500 })
  let finishing = false
  let appending: Promise<void> = Promise.resolve()
  const append = async (): Promise<void> => {
    // Ranges of a destination go upwards over all runs of this process.
    for (let seq = Math.max(ledger.reached('acme-eu').seq, ledger.reached('acme-us').seq); !finishing; seq++)
      await discloseOnce(ledger, seq)
  }
  const loadAlways = async (loader: Loader): Promise<void> => {
    while (!finishing) {
      await loader.step().catch(() => systemClock.sleep(20))
      await systemClock.sleep(1)
    }
  }
  process.stdin.once('end', () => process.kill(process.pid, 'SIGKILL'))
  process.stdin.on('data', () => {
    finishing = true
    void appending
      .then(() => Promise.all([events.barrier(log.head()), disclosures.barrier(ledger.head)]))
      .then(() => ledger.close())
      .then(() => process.stdout.write('done\n'))
  })
  appending = append()
  void loadAlways(events)
  void loadAlways(disclosures)
  process.stdout.write('ready\n')
}

const [, script, log, ledger, socket, token] = process.argv
if (
  script !== undefined &&
  import.meta.url.endsWith(script) &&
  log !== undefined &&
  ledger !== undefined &&
  socket !== undefined &&
  token !== undefined
) {
  await main({ log, ledger, socket, token })
}
