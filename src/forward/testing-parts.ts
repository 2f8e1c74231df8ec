/** Parts for tests of the forwarder: an honest vault without keys, a log made on demand, a plain protocol. */
import { createHash } from 'node:crypto'
import { BulkheadError } from '#base/errors.ts'
import { Secret } from '#base/secret.ts'
import type { LogReader } from '#log/port.ts'
import type { DestinationConfig } from '#model/config.ts'
import { type ManifestRow, SUBJECT_KINDS, type SubjectKind } from '#model/disclosure.ts'
import type { LogEntry, LogRecord } from '#model/log-entry.ts'
import type { EgressOutcome, Protocol } from '#model/protocol.ts'
import type { RecordsReader, VendorFlow } from '#records/port.ts'
import { unpackManifest } from '#vault/manifest.ts'
import type { WorkerVault } from '#vault/port.ts'
import { Uuids } from '#vault/uuids.ts'
import type { DestinationDecider } from './port.ts'

export function uuidOf(...parts: readonly (string | number)[]): string {
  const hex = createHash('sha256').update(JSON.stringify(parts)).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

export interface TestVault extends WorkerVault {
  calls: number
  epoch: number
  away: boolean
}

export function testVault(): TestVault {
  const vault: TestVault = {
    calls: 0,
    epoch: 1,
    away: false,
    activeEpoch: async () => {
      if (vault.away) throw new BulkheadError('vault_unavailable', 'away')
      return vault.epoch
    },
    disclose: async ({ destination, epoch, subjects, positions }) => {
      vault.calls += 1
      const named = pairs(subjects).map(([code, ordinal]) => ({
        kind: SUBJECT_KINDS[(code as number) - 1] as SubjectKind,
        ordinal: ordinal as number,
      }))
      if (new Set(named.map(({ kind, ordinal }) => `${kind}${ordinal}`)).size !== named.length) throw new Error('a subject twice')
      return {
        pseudonyms: uuidsOf(named.map(({ kind, ordinal }) => uuidOf(destination, epoch, kind, ordinal))),
        insertIds: uuidsOf(pairs(positions).map(([seq, index]) => uuidOf(destination, epoch, seq as number, index as number))),
        phases: Uint32Array.from(named, ({ ordinal }) => ordinal * 7919),
      }
    },
    sealManifests: async (manifests) =>
      manifests.map(({ entry, packed }) => Buffer.from(JSON.stringify([entry, Buffer.from(packed).toString('base64')])).toString('base64')),
    openManifests: async (manifests) => manifests.map(({ entry, sealed }) => openTestBytes(entry, sealed)),
  }
  return vault
}

function pairs(packed: Float64Array): number[][] {
  return Array.from({ length: packed.length / 2 }, (_, index) => [...packed.subarray(index * 2, index * 2 + 2)])
}

function uuidsOf(texts: readonly string[]): Uuids {
  return new Uuids(Buffer.from(texts.join('').replaceAll('-', ''), 'hex'))
}

function openTestBytes(entry: number, sealed: string): Uint8Array {
  const [sealedUnder, packed] = JSON.parse(Buffer.from(sealed, 'base64').toString()) as [number, string]
  if (sealedUnder !== entry) throw new Error('sealed under another number')
  return Buffer.from(packed, 'base64')
}

export function openTestManifest(entry: number, sealed: string): ManifestRow[] {
  return unpackManifest(openTestBytes(entry, sealed))
}

export interface TestLog extends LogReader {
  entries: LogEntry[]
  add(...records: LogRecord[]): void
}

export function testLog(): TestLog {
  const entries: LogEntry[] = []
  return {
    entries,
    add: (...records) => {
      entries.push({
        seq: entries.length + 1,
        at: 1_000,
        source: 's',
        protocol: 'plain',
        surface: 'web',
        trust: 'server',
        policy: 1,
        records,
      })
    },
    head: () => entries.length,
    tail: () => 1,
    finished: () => [],
    read: (seq, limits) => entries.slice(seq - 1, seq - 1 + limits.entries),
    find: (seq, mark, entriesMax) => {
      const passed = entries.slice(seq - 1, seq - 1 + entriesMax)
      return { entries: passed.filter((entry) => JSON.stringify(entry).includes(mark)), next: seq + passed.length }
    },
    close: () => undefined,
  }
}

/** Reads the flow that tests change. */
export function testRecords(flow: VendorFlow): RecordsReader {
  return {
    currentPolicy: () => undefined,
    policy: () => undefined,
    policyNumber: () => 0,
    policySeal: () => undefined,
    filePolicy: () => undefined,
    flow: () => ({ ...flow }),
    flows: () => [{ ...flow }],
    heldDecisions: () => [],
    heldSkips: () => ({ dropped: 0, kept: 0 }),
    credentials: () => [],
    rotations: () => [],
    close: () => undefined,
  }
}

export function openFlow(): VendorFlow {
  return { vendor: 'v', state: 'open', fence: 0, changedAt: 0, actor: 'a', reason: 'r' }
}

/** Sends everything but events without a name; keeps of properties what is a number. */
export function testDecider(version = 1): DestinationDecider {
  return {
    version,
    decide: (record) => {
      if (record.type === 'event' && (record.name ?? null) === null) return { kind: 'drop', reason: 'event_not_approved' }
      const numbers = Object.entries(record.properties ?? {}).filter(([, value]) => typeof value === 'number')
      const outgoing = numbers.map(([key]) => ({ field: `property.${key}` as const, form: 'clear' as const }))
      return {
        kind: 'send',
        outgoing,
        valuesOf: () => numbers.map(([, value]) => value),
        user: true,
        device: true,
        linked: true,
        groups: true,
        unset: [],
        shape: ['user_id:pseudonym', ...outgoing.map(({ field }) => `${field}:clear`)].sort().join(','),
        purposes: version === 1 ? ['analytics'] : ['analytics', 'other'],
      }
    },
    timeOf: (time, phase) => Math.floor((time - (phase % 10_000)) / 10_000) * 10_000 + (phase % 10_000),
  }
}

export function testDestination(url: string): DestinationConfig {
  return {
    id: 'v-main',
    vendor: 'v',
    protocol: 'plain',
    url,
    token: 't',
    credentials: { kind: 'secret', secret: new Secret('hush') },
    deletionToken: undefined,
    grants: undefined,
    events: { approved: [] },
    properties: { approved: [] },
  }
}

/** Two routes; answers mean what their status says, and a body `{"refused":[index]}` names refused records. */
export function plainProtocol(limits: { recordsMax?: number; bodyBytesMax?: number; encoderVersion?: number } = {}): Protocol {
  return {
    id: 'plain',
    ingest: {
      route: () => undefined,
      decode: () => ({ records: [], faults: [], flags: {} }),
      requestOf: () => undefined,
      accepted: () => ({ status: 200, headers: {}, body: '' }),
      refused: () => ({ status: 400, headers: {}, body: '' }),
    },
    egress: {
      encoderVersion: limits.encoderVersion ?? 1,
      routeOf: ({ type }) => (type === 'group' ? undefined : type === 'profile' ? '/profiles' : '/events'),
      limits: () => ({ recordsMax: limits.recordsMax ?? 50, bodyBytesMax: limits.bodyBytesMax ?? 100_000, recordBytesMax: 5_000 }),
      writeRecord: ({ insertId, user, device, time, op, fields, values, name }, _context, to) => {
        const named = fields.map(({ field }, index) => [field, values[index]])
        to.value({ id: insertId, who: user ?? device, time, op, name, values: named })
        return name !== 'unencodable'
      },
      request: (route, records, { url, credentials }) => ({
        method: 'POST',
        url: `${url}${route}`,
        headers: { 'content-type': 'application/json' },
        authorization: credentials.kind === 'secret' ? `Bearer ${credentials.secret}` : undefined,
        body: Buffer.concat([Buffer.from('['), records, Buffer.from(']')]),
      }),
      classify: (_route, status, body, _records, hints): EgressOutcome => {
        if (status === 401) return { kind: 'blocked', reason: 'bad_credentials' }
        if (status === 413) return { kind: 'split', reason: 'too_large' }
        if (status === 429 || status >= 500) {
          return {
            kind: 'retry',
            reason: 'unavailable',
            retryAfterMs: hints?.retryAfter === undefined ? undefined : Number(hints.retryAfter) * 1000,
          }
        }
        if (status >= 300) return { kind: 'refused', reason: 'bad_request' }
        const refused = body.startsWith('{') ? (JSON.parse(body) as { refused: number[] }).refused : []
        return {
          kind: 'accepted',
          refused: refused.map((index) => ({ index, reason: index % 2 === 0 ? 'invalid_time' : 'Free text of the vendor!' })),
        }
      },
    },
  }
}
