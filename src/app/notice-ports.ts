/** What the staff role needs to tell people: texts that are whole, the vault's addresses and codes, and the record of the incidents. */
import { assertStillTrue } from '#api/notice-send.ts'
import { systemClock } from '#base/clock.ts'
import type { RpcClient } from '#base/rpc.ts'
import type { IncidentBook } from '#incidents/incident-book.ts'
import { People } from '#incidents/people.ts'
import type { NoticesConfig } from '#model/notices-config.ts'
import { NoticeDesk } from '#notices/desk.ts'
import { loadNoticeTemplates } from '#notices/text/templates.ts'
import { noticeWords } from '#notices/words.ts'
import type { Records } from '#records/port.ts'
import type { LeavingVault } from '#vault/erasure-port.ts'
import { noticeOpener, noticeVault } from '#vault/notice-server.ts'
import type { Look, StaffVault } from '#vault/port.ts'
import type { Instance } from './instance.ts'
import { trace } from './trace.ts'

/** How identifiers make people is asked so often while notices are sent. */
const PEOPLE_MS = 30_000

export function openNotices(parts: {
  instance: Instance
  config: NoticesConfig | undefined
  records: Records
  vaultClient: RpcClient
  vault: Pick<StaffVault, 'graph'>
  incidents: IncidentBook
  leaving: Pick<LeavingVault, 'deletions'>
  /** For the clocks of the law. */
  peopleNotified(incident: number, at: number, look: Look): Promise<void>
}): NoticeDesk {
  const { instance, config, records, vaultClient, vault, incidents, leaving } = parts
  let known: { until: number; people: People } | undefined
  const desk = new NoticeDesk({
    records,
    vault: { ...noticeOpener(vaultClient), ...noticeVault(vaultClient) },
    words: noticeWords(loadNoticeTemplates()),
    config,
    clock: systemClock,
    sealedPlaces: [instance.dataDir, instance.keysDir, instance.runtimeDir],
    begunRow: (incident, versionId) =>
      records.incidentRows(incident).findLast(({ kind, body }) => kind === 'notice-begun' && JSON.parse(body).id === versionId),
    identifiersOf: async (given) => {
      if (known === undefined || known.until < systemClock.now() || given?.isFresh === true)
        known = { until: systemClock.now() + PEOPLE_MS, people: new People(await vault.graph()) }
      const { people } = known
      return (person) => people.identifiersOf(people.personOf(person))
    },
    assertStillTrue: (version) => assertStillTrue(version, { incidents, records, leaving: { vault: leaving } }),
    onTold: (incident, at) =>
      parts.peopleNotified(incident, at, {
        actor: 'bulkhead',
        action: 'incident notify',
        reason: 'the first notice was taken by the mail server',
      }),
    onEnded: async ({ incident, version }, { recipients, sent, skipped, failed, unknown, filed, organisations }) => {
      const counts = { recipients, sent, skipped, failed, unknown, filed, organisations: organisations.recipients }
      const look = { actor: 'bulkhead', action: 'incident notify', reason: 'nothing of this version waits any more' }
      await incidents.add(incident, look, () => ({ kind: 'notice-ended', body: { version, ...counts } }), { closed: true })
    },
    trace: (level, text) => trace(level, 'staff', text),
  })
  return desk
}
