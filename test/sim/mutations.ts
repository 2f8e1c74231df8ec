/**
 * Planted defects, each one that a tired engineer could make, as a change of one place in the real code. The simulation has to
 * find every one of them (`npm run sim -- --mutations`): a campaign in which nothing fails is worth what it would find.
 */
export interface Mutation {
  id: string
  file: string
  find: string
  put: string
}

export const MUTATIONS: readonly Mutation[] = [
  {
    id: 'requests are acknowledged before the log has flushed',
    file: 'src/ingest/commit.ts',
    find: 'const results = await log.append(drafts)',
    put: 'log.append(drafts).catch(() => undefined)\n      const results = drafts.map(() => ({ seq: 0, kept: 0, repeats: 0 }))',
  },
  {
    id: 'the memory of the vault is kept after a call that failed',
    file: 'src/ingest/commit.ts',
    find: '    } catch (thrown) {\n      this.#memory.clear()',
    put: '    } catch (thrown) {',
  },
  {
    id: 'the index of repeats forgets what it has not written yet',
    file: 'src/log/dedup-index.ts',
    find: 'this.#pending.get(hash) ?? this.#flushing.get(hash) ??',
    put: 'this.#flushing.get(hash) ??',
  },
  {
    id: 'the index of repeats is not read anew after a crash',
    file: 'src/log/log-writer.ts',
    find: 'const from = this.#index.recorded + 1',
    put: 'const from = this.#head + 1',
  },
  {
    id: 'a log whose end is unknown goes on',
    file: 'src/log/log-writer.ts',
    find: 'if ((last === 0 ? this.#first - 1 : last) !== this.#head) this.#broken = true',
    put: 'void last',
  },
  {
    id: 'log folders are dropped without regard to the loader',
    file: 'src/app/pipeline.ts',
    find: 'Math.min(events.needed(), consents.needed(), neededEntry(ledger, destinations))',
    put: 'Math.min(...destinations.map((id) => ledger.cursor(id).seq))',
  },
  {
    id: 'the load cursor moves before the insert',
    file: 'src/forward/load-events.ts',
    find: '    if (rows > 0) {',
    put: '    await ledger.finishPlan(plan)\n    if (rows > 0) {',
  },
  {
    id: 'a repeated load trusts the engine to know its token',
    file: 'src/forward/load-step.ts',
    find: 'if (!insert.repeated) return',
    put: 'if (insert.rows >= 0) return',
  },
  {
    id: 'log that a lost warehouse needs again is dropped before anybody has looked',
    file: 'src/forward/load-step.ts',
    find: 'isChecked ? source.cursor() : 1',
    put: 'source.cursor()',
  },
  {
    id: 'a loader waits for a ledger that takes no more',
    file: 'src/forward/load-step.ts',
    find: 'if (thrown instanceof LedgerStopped) throw thrown',
    put: '',
  },
  {
    id: 'disclosures that are only possible are not loaded',
    file: 'src/forward/load-disclosures.ts',
    find: "entry.state === 'not_sent') return undefined",
    put: "entry.state !== 'delivered') return undefined",
  },
  {
    id: 'the ledger answers before its commit is on disk',
    file: 'src/ledger/ledger.ts',
    find: 'await this.#store.commit(puts)',
    put: 'this.#store.commit(puts).catch(() => undefined)',
  },
  {
    id: 'nobody asks whether the flow is open and under this fence',
    file: 'src/forward/forwarder.ts',
    find: "return fence >= this.#fence && flow.state === 'open' && flow.fence === fence",
    put: 'return flow.fence >= 0 && fence >= 0',
  },
  {
    id: 'a fence does not wait for what is on the wire',
    file: 'src/forward/forwarder.ts',
    find: '    delivering.cut.abort()\n    this.#options.send.destroyAll()\n    await delivering.done\n',
    put: '',
  },
  {
    id: 'what a crash left open is closed as not sent',
    file: 'src/forward/forwarder.ts',
    find: "state: 'possible' as const",
    put: "state: 'not_sent' as const",
  },
  {
    id: 'open intents of an earlier policy are sent',
    file: 'src/forward/recovery.ts',
    find: '    intent.policy === decider.version &&\n',
    put: '',
  },
  {
    id: 'the cursor moves with the first outcome of a batch',
    file: 'src/forward/delivery.ts',
    find: 'const last = batch.open.length === 1',
    put: 'const last = batch.open.length >= 1',
  },
  {
    id: 'a batch that is cut off is closed as not sent',
    file: 'src/forward/delivery.ts',
    find: "open.handed ? 'possible' : 'not_sent', []",
    put: "'not_sent', []",
  },
  {
    id: 'once-only operations are sent again when nobody knows',
    file: 'src/forward/delivery.ts',
    find: '    if (current.planned.onceOnly && current.uncertain) return UNCERTAIN\n',
    put: '',
  },
  {
    id: 'a vendor that fails counts as one that refuses',
    file: 'src/protocols/mixpanel/egress.ts',
    find: 'status === 429 || status >= 500',
    put: 'status === 429',
  },
  {
    id: 'what people said elsewhere is not looked up',
    file: 'src/forward/batch.ts',
    find: 'decider.decide(record, at, placed, options.people)',
    put: 'decider.decide(record, at, placed)',
  },
  {
    id: 'the log is not told for whom something was said',
    file: 'src/ingest/window.ts',
    find: '      ...consentsOf(draft.consents, ordinals),\n',
    put: '',
  },
]
