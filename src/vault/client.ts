/** The vault as each role sees it from its own process. Bulk goes as bytes beside the JSON, see `wire.ts`. */
import type { RpcClient } from '#base/rpc.ts'
import type { IncidentRow } from '#model/incident-row.ts'
import type { PolicySeal } from '#model/policy-statement.ts'
import { openDoor } from './door.ts'
import type { FileVault } from './file-keys.ts'
import type { ErasingVault, LeavingVault } from './erasure-port.ts'
import type { MatchSession, MatchVault } from './match-port.ts'
import { decodeFoundPeople, decodePseudonyms } from './match-wire.ts'
import type { ClearVault } from './clear-port.ts'
import type { GapVault } from './gap-book.ts'
import type {
  BackupVault,
  DeletionVault,
  EpochVault,
  GatewayVault,
  Identity,
  IncidentTexts,
  SignalVault,
  Opening,
  PeopleGraph,
  Person,
  PolicySigner,
  Remembering,
  RotatingVault,
  StaffVault,
  WaitingBlob,
  WaitingVault,
  WindowReply,
  WorkerVault,
} from './port.ts'
import { packSubjects } from './pseudonym.ts'
import { Uuids } from './uuids.ts'
import { alignedCopy, bytesOf, decodeGroups, decodeIntervals, decodeNumbers, encodeLists, encodePages } from './wire.ts'

export function remembering(client: RpcClient): Remembering {
  return { remember: async (part) => void (await client.call('remember', part)) }
}

export function backupVault(client: RpcClient): BackupVault {
  return {
    backupRows: async (dir) => void (await client.call('backupRows', { dir })),
    backupKeys: async (dir) => void (await client.call('backupKeys', { dir })),
    recordBackup: async (kind, made) => void (await client.call('recordBackup', { kind, made })),
  }
}

export function gatewayVault(client: RpcClient): GatewayVault {
  return {
    commitWindow: async (window) => (await client.call('commitWindow', window)).body as WindowReply,
    door: async (day) => {
      const [waiting, dedup] = (await client.call('doorKeys', { day })).attachments as [Buffer, Buffer]
      return openDoor({ day, waiting, dedup })
    },
  }
}

export function policySigner(client: RpcClient): PolicySigner {
  return { signPolicy: async (statement) => (await client.call('signPolicy', { statement })).body as PolicySeal }
}

export function incidentVault(client: RpcClient): SignalVault {
  return {
    signalNumber: async (known, take) => (await client.call('signalNumber', { known, take })).body as number,
    signIncidentRow: async (row, texts, look) => (await client.call('signIncidentRow', { row, texts, look })).body as IncidentRow,
    openIncidentRows: async (rows, look) => {
      const sealed = rows.map((each) => ({ incident: each.incident, row: each.row, sealed: each.sealed }))
      const { body } = await client.call('openIncidentRows', { rows: sealed, look })
      return (body as (IncidentTexts | null)[]).map((texts) => texts ?? undefined)
    },
  }
}

export function waitingVault(client: RpcClient): WaitingVault {
  const told = (blobs: readonly WaitingBlob[]): Omit<WaitingBlob, 'sealed'>[] => blobs.map(({ day, records }) => ({ day, records }))
  const sealed = (blobs: readonly WaitingBlob[]): Uint8Array[] => blobs.map((blob) => blob.sealed)
  return {
    beginNames: async (look) => void (await client.call('beginNames', look)),
    addNames: async (blobs) => void (await client.call('addNames', { blobs: told(blobs) }, sealed(blobs))),
    endNames: async (k) => (await client.call('endNames', { k })).body as Awaited<ReturnType<WaitingVault['endNames']>>,
    endFinding: async (names) => (await client.call('endFinding', { names })).body as Awaited<ReturnType<WaitingVault['endFinding']>>,
    openApproved: async (blobs, names) =>
      (await client.call('openApproved', { blobs: told(blobs), names }, sealed(blobs))).body as Opening[],
  }
}

export function workerVault(client: RpcClient): WorkerVault {
  return {
    activeEpoch: async (destination) => (await client.call('activeEpoch', { destination })).body as number,
    disclose: async ({ destination, epoch, subjects, positions }) => {
      const reply = await client.call('disclose', { destination, epoch }, [bytesOf(subjects), bytesOf(positions)])
      const [pseudonyms, insertIds, phases] = reply.attachments as [Buffer, Buffer, Buffer]
      return { pseudonyms: new Uuids(pseudonyms), insertIds: new Uuids(insertIds), phases: new Uint32Array(alignedCopy(phases)) }
    },
    sealManifests: async (manifests) => {
      const entries = manifests.map(({ entry }) => entry)
      const packed = manifests.map((manifest) => manifest.packed)
      return (await client.call('sealManifests', { entries }, packed)).body as string[]
    },
    openManifests: async (manifests) => (await client.call('openManifests', { manifests })).attachments,
  }
}

export function gapVault(client: RpcClient): GapVault {
  return { acknowledgeGap: async (origin, look) => void (await client.call('acknowledgeGap', { origin, look })) }
}

export function clearVault(client: RpcClient): ClearVault {
  return {
    // As text, so that the vault need not look at a policy again that it has just looked at.
    clearValues: async ({ policy, ...asked }) =>
      (await client.call('clearValues', asked, [Buffer.from(JSON.stringify(policy))])).body as (string | null)[][],
  }
}

export function deletionVault(client: RpcClient): DeletionVault {
  return {
    erasedPeople: async () => {
      const [ordinals, shared] = (await client.call('erasedPeople', null)).attachments as [Buffer, Buffer]
      return { ordinals: decodeNumbers(ordinals), shared: decodeIntervals(shared) }
    },
    deletionPseudonyms: async ({ destination, epoch, subjects }) =>
      (await client.call('deletionPseudonyms', { destination, epoch }, [bytesOf(subjects)])).body as string[],
  }
}

export function fileVault(client: RpcClient): FileVault {
  return {
    newFileKey: async (id) => takeBytes((await client.call('newFileKey', { id })).attachments),
    openFileKey: async (id, look) => takeBytes((await client.call('openFileKey', { id, look })).attachments),
    destroyFileKey: async (id, look) => (await client.call('destroyFileKey', { id, look })).body as boolean,
  }
}

export function matchVault(client: RpcClient): MatchVault {
  return {
    beginMatch: async (first, look) => (await client.call('beginMatch', { first, look })).body as MatchSession,
    matchPseudonyms: async (session, uuids) => {
      const { attachments } = await client.call('matchPseudonyms', { session }, [uuids])
      return decodePseudonyms(attachments[0] as Buffer)
    },
    matchValues: async (session, field, values) => {
      const { attachments } = await client.call('matchValues', { session, field, values })
      return decodeFoundPeople(attachments[0] as Buffer)
    },
    endMatch: async (session) => void (await client.call('endMatch', { session })),
  }
}

/** Out of the frame, which nobody wipes otherwise. */
function takeBytes([sent]: readonly Buffer[]): Buffer {
  const bytes = Buffer.from(sent ?? [])
  sent?.fill(0)
  return bytes
}

export function staffVault(client: RpcClient): StaffVault {
  return {
    resolve: async (query, look) => (await client.call('resolve', { query, look })).body as Person[],
    graph: async (): Promise<PeopleGraph> => {
      const [merged, devices] = (await client.call('graph', null)).attachments as [Buffer, Buffer]
      const numbers = decodeNumbers(merged)
      const pairs: [number, number][] = []
      for (let at = 0; at < numbers.length; at += 2) pairs.push([numbers[at] as number, numbers[at + 1] as number])
      return { merged: pairs, devices: decodeIntervals(devices) }
    },
    staffPseudonyms: async (subjects) => (await client.call('staffPseudonyms', null, [bytesOf(packSubjects(subjects))])).body as string[],
    staffUserIds: async (users) => (await client.call('staffUserIds', null, [bytesOf(users)])).attachments[0] as Buffer,
    groups: async ({ users, named }) => {
      const { body, attachments } = await client.call('groups', null, [bytesOf(named), ...encodePages(users)])
      return decodeGroups(body as string[], attachments)
    },
    members: async (of) => {
      const { attachments } = await client.call('members', null, encodePages(of))
      const [users, groups] = attachments.map(alignedCopy) as [ArrayBuffer, ArrayBuffer]
      return { users: new Float64Array(users), groups: new Float64Array(groups) }
    },
    survey: async ({ single, joined }) => {
      const { body, attachments } = await client.call('survey', null, [bytesOf(single), encodeLists(joined)])
      const [residence, marks] = attachments.map(alignedCopy) as [ArrayBuffer, ArrayBuffer]
      return { places: body as string[], residence: new Uint16Array(residence), marks: new Uint8Array(marks) }
    },
    identities: async (people, look) => (await client.call('identities', { people, look })).body as Identity[],
    recordLook: async (look) => void (await client.call('recordLook', { look })),
    importDirectory: async (rows, namespace, look) =>
      (await client.call('importDirectory', { rows, namespace, look })).body as Awaited<ReturnType<StaffVault['importDirectory']>>,
    describe: async () => (await client.call('describe', null)).body as Awaited<ReturnType<StaffVault['describe']>>,
  }
}

export function erasingVault(client: RpcClient): ErasingVault & EpochVault & RotatingVault {
  const ask = async <Answer>(method: string, body: unknown): Promise<Answer> => (await client.call(method, body)).body as Answer
  return {
    beginErasure: (query, { suppress }, look) => ask('beginErasure', { query, suppress, look }),
    openErasures: () => ask('openErasures', null),
    erasure: (id) => ask('erasure', { id }),
    unlinkErased: (id) => ask('unlinkErased', { id }),
    advanceErasure: (id, change) => ask('advanceErasure', { id, change }),
    destroyErased: (id) => ask('destroyErased', { id }),
    resealWaiting: async (day, sealed, drops) => (await client.call('resealWaiting', { day, drops }, [sealed])).attachments[0],
    openHold: ({ vendor }, look) => ask('openHold', { vendor, look }),
    closeHold: (id, look) => ask('closeHold', { id, look }),
    holds: () => ask('holds', null),
    rotateKeys: (what, look) => ask('rotateKeys', { what, look }),
    rotateEpoch: (destination, look) => ask('rotateEpoch', { destination, look }),
    destroyEpoch: (of, look) => ask('destroyEpoch', { of, look }),
  }
}

export function leavingVault(client: RpcClient): LeavingVault {
  const ask = async <Answer>(method: string, body: unknown): Promise<Answer> => (await client.call(method, body)).body as Answer
  return {
    deletions: (vendor) => ask('deletions', { vendor }),
    awaitedErasures: () => ask('awaitedErasures', null),
    planLeaving: async (vendor, plan) => void (await ask('planLeaving', { vendor, plan })),
    wishLeaving: async (vendor) => void (await ask('wishLeaving', { vendor })),
    leavingWished: () => ask('leavingWished', null),
    leavingIn: (state) => ask('leavingIn', { state }),
    putLeaving: async (deletion) => void (await ask('putLeaving', deletion)),
    closeEpochs: async (destinations, look) => void (await ask('closeEpochs', { destinations, look })),
  }
}
