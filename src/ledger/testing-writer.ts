/** Test child: appends intents and outcomes for two destinations until it is killed, and prints what was acknowledged. */
import { writeSync } from 'node:fs'
import { systemClock } from '#base/clock.ts'
import { openLedger } from './ledger.ts'

const ledger = await openLedger({ dir: process.argv[2] as string, clock: systemClock })

async function write(destination: string): Promise<never> {
  // An intent left open by the last kill is closed first, as the forwarder would.
  for (const intent of ledger.openIntents(destination)) await close(destination, intent.entry)
  for (;;) {
    const { seq } = ledger.cursor(destination)
    const draft = {
      vendor: 'v',
      destination,
      route: '/import',
      epoch: 1,
      policy: 1,
      encoder: 1,
      purpose: 'analytics',
      from: { seq, index: 0 },
      to: { seq: seq + 1, index: 0 },
      bodySha256: '0'.repeat(64),
      records: 1,
      subjects: 1,
      first: 1,
      last: 1,
      fence: 0,
    }
    const [intent] = await ledger.appendSealed([draft], async () => [Buffer.alloc(300).toString('base64')])
    writeSync(1, `intent ${destination} ${intent?.entry}\n`)
    await close(destination, intent?.entry as number)
  }
}

async function close(destination: string, intent: number): Promise<void> {
  const position = { seq: ledger.cursor(destination).seq + 1, index: 0 }
  await ledger.appendOutcomes(
    [{ intent, state: 'delivered', attempts: 1, status: 200, refused: [] }],
    { destination, position },
    { step: 1 },
  )
  writeSync(1, `outcome ${destination} ${intent}\ncursor ${destination} ${intent} ${position.seq}\n`)
}

await Promise.all([write('a'), write('b')])
