/** `signal …`. They need a running Bulkhead. */
import { SIGNALS_ROUTE, type SignalAdded, type SignalList } from '#api/signal-contract.ts'
import { type Context, demandReason, printAnswer } from './context.ts'
import { table, when } from './render.ts'
import { connect } from './staff-client.ts'

export async function addSignal(context: Context, { source, at, what }: { source: string; at: string; what: string }): Promise<void> {
  printAnswer(context, await connect(context).post<SignalAdded>(SIGNALS_ROUTE, { source, at, what }), ({ id }) =>
    [
      `Signal ${id} is on record and waits for its triage: bulkhead signal triage ${id} --decision incident|watch|dismissed --reason "…"`,
    ].join('\n'),
  )
}

export async function listSignals(context: Context): Promise<void> {
  printAnswer(context, await connect(context).get<SignalList>(SIGNALS_ROUTE), ({ signals }) =>
    signals.length === 0
      ? 'No signal is on record.'
      : table([
          ['ID', 'CAME', 'FROM', 'DECISION', 'TRIAGED', 'WHAT'],
          ...signals.map(({ id, at, source, decision, triagedAt, triage, what }) => [
            String(id),
            when(at),
            source,
            `${decision ?? 'waits'}${triage.at(-1)?.incident == null ? '' : ` ${triage.at(-1)?.incident}`}`,
            triagedAt === null ? '-' : when(triagedAt),
            what,
          ]),
        ]),
  )
}

export async function triageSignal(
  context: Context,
  id: number,
  { decision, incident, reason }: { decision: string; incident?: number; reason?: string },
): Promise<void> {
  const body = { decision, incident, reason: demandReason(reason) }
  printAnswer(context, await connect(context).post<SignalAdded>(`${SIGNALS_ROUTE}/${id}/triage`, body), () => `Signal ${id}: ${decision}.`)
}
