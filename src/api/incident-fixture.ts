/** Test support: incidents and their legal clocks, as the staff API has them. */
import { type KeyObject, sign } from 'node:crypto'
import { systemClock } from '#base/clock.ts'
import { readRulePack } from '#clocks/rule-pack.ts'
import { IncidentBook } from '#incidents/incident-book.ts'
import { SignalBook } from '#incidents/signal-book.ts'
import { incidentRowBytes, sealedHash } from '#model/incident-row.ts'
import type { Records } from '#records/port.ts'
import type { Hold } from '#vault/erasure-port.ts'
import type { SignalVault } from '#vault/port.ts'
import { type LegalClocks, openLegalClocks } from './clock-port.ts'
import type { StaffDeps } from './deps.ts'
import { incidentPorts } from './incident-ports.ts'

interface StageParts {
  looks: string[]
  signing: { privateKey: KeyObject; publicKey: KeyObject }
}

/** Real but for the vault: what people write is only encoded, and signed with the stage's key. */
export function fakeIncidents(records: Records, stage: StageParts): IncidentBook {
  const holds: Hold[] = []
  return new IncidentBook({
    records,
    vault: fakeIncidentVault(stage),
    holds: {
      holds: async () => holds,
      openHold: async ({ vendor }, { reason }) => {
        const hold = { id: holds.length + 1, openedAt: 0, closedAt: null, reason, ...(vendor === undefined ? {} : { vendor }) }
        holds.push(hold)
        return hold
      },
      closeHold: async (id) => {
        const hold = holds[id - 1] as Hold
        hold.closedAt = 1
        return hold
      },
    },
    clock: systemClock,
  })
}

export function fakeSignals(records: Records, stage: StageParts): SignalBook {
  return new SignalBook({ records: records.signals, vault: fakeIncidentVault(stage), clock: systemClock })
}

function fakeIncidentVault(stage: StageParts): SignalVault {
  let last = 0
  return {
    signalNumber: async (known, take) => {
      last = Math.max(known, last) + (take ? 1 : 0)
      return last
    },
    signIncidentRow: async (row, texts, look) => {
      stage.looks.push(`incident ${row.kind} ${look.reason}`)
      const sealed = texts === undefined ? null : Buffer.from(JSON.stringify(texts)).toString('base64')
      const head = { ...row, instance: 'instance', actor: look.actor, textsSha256: sealedHash(sealed) }
      const { privateKey, publicKey } = stage.signing
      const key = publicKey.export({ format: 'der', type: 'spki' }).toString('base64')
      return { ...head, sealed, key, signature: sign(null, incidentRowBytes(head), privateKey).toString('base64') }
    },
    openIncidentRows: async (rows, look) => {
      stage.looks.push(`${look.action} ${look.reason}`)
      return rows.map(({ sealed }) => (sealed === null ? {} : JSON.parse(Buffer.from(sealed, 'base64').toString('utf8'))))
    },
  }
}

/** Days without a time begin in India. */
export function fakeClocks(book: IncidentBook, stage: { traces: string[] }, deps: () => StaffDeps): LegalClocks {
  return openLegalClocks({
    book,
    records: {
      incidentHeads: () => deps().records.incidentHeads(),
      noticeVersions: (incident) => deps().records.noticeVersions(incident),
      recipientCounts: (of) => deps().records.recipientCounts(of),
      peopleNotified: (of, given) => deps().records.peopleNotified(of, given),
    },
    ports: () => incidentPorts(deps()),
    pack: readRulePack(),
    config: { placeOfAwareness: 'Asia/Kolkata', establishedIn: [], sectors: [] },
    clock: { ...systemClock, now: () => deps().clock.now() },
    say: (text) => void stage.traces.push(text),
    onFailure: (error) => void stage.traces.push(error.code),
  })
}
