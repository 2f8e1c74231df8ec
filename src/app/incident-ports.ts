/** What the staff role needs for incidents: the book, mended from what a kill left. */
import type { RpcClient } from '#base/rpc.ts'
import { systemClock } from '#base/clock.ts'
import type { EvidenceStore } from '#incidents/evidence.ts'
import { type BookPorts, IncidentBook } from '#incidents/incident-book.ts'
import { mendEvidence } from '#incidents/incident-evidence.ts'
import { SignalBook, triageOpened } from '#incidents/signal-book.ts'
import type { Records } from '#records/port.ts'
import { incidentVault } from '#vault/client.ts'

/** Before anybody can add anything. */
export async function openIncidents(parts: {
  records: Records
  vault: RpcClient
  holds: BookPorts['holds']
  evidence: EvidenceStore
}): Promise<IncidentBook> {
  const { records, holds, evidence } = parts
  const book = new IncidentBook({ records, vault: incidentVault(parts.vault), holds, clock: systemClock })
  await book.mend()
  await mendEvidence(book, [...new Set(records.incidentRows().map((row) => row.incident))], evidence)
  return book
}

export async function openSignals(records: Pick<Records, 'signals' | 'incidentRows'>, vault: RpcClient): Promise<SignalBook> {
  const signals = new SignalBook({ records: records.signals, vault: incidentVault(vault), clock: systemClock })
  await signals.keepNumbers()
  await triageOpened(signals, records.incidentRows())
  return signals
}
