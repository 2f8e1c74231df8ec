/** Test child: forwards a log that is a pure function of its length, until all is sent or it is killed. */
import { Registry } from 'prom-client'
import { systemClock } from '#base/clock.ts'
import { openLedger } from '#ledger/ledger.ts'
import type { LogRecord } from '#model/log-entry.ts'
import { createForwarder } from './forwarder.ts'
import { Manifests } from './manifest-memory.ts'
import { createHttpSend } from './send-http.ts'
import { openFlow, plainProtocol, testDecider, testDestination, testLog, testRecords, testVault } from './testing-parts.ts'

const [dir, url, entries, encoderVersion] = process.argv.slice(2) as [string, string, string, string]

/** Three records an entry: an event, a profile write that may be repeated, and one that may not. */
function recordsOf(seq: number): LogRecord[] {
  const time = 1_763_000_000_000 + seq
  const user = 1 + (seq % 37)
  return [
    { type: 'event', name: 'opened', time, user, properties: { n: seq } },
    { type: 'profile', op: 'set', time, user, properties: { n: seq } },
    { type: 'profile', op: 'add', time, user, properties: { n: seq } },
  ]
}

const vault = testVault()
const decider = testDecider()
const log = testLog()
for (let seq = 1; seq <= Number(entries); seq++) log.add(...recordsOf(seq))
const ledger = await openLedger({ dir, clock: systemClock })
const forwarder = createForwarder({
  destination: testDestination(url),
  decider: () => decider,
  protocol: plainProtocol({ recordsMax: 20, encoderVersion: Number(encoderVersion) }),
  log,
  ledger,
  vault,
  manifests: new Manifests(vault),
  records: testRecords(openFlow()),
  send: createHttpSend({ answerTimeoutMs: 60 }),
  clock: systemClock,
  random: Math.random,
  registry: new Registry(),
  pace: { baseMs: 2, capMs: 8, breakerFailures: 50 },
  tempo: { recordsMax: 90, lingerMs: 0, pollMs: 1 },
})
process.stdout.write('ready\n')
while (forwarder.status().lag > 0) await forwarder.step()
await forwarder.close()
await ledger.close()
