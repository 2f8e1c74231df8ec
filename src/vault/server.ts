/** The vault behind its socket: each role's token opens that role's calls and no other. */
import { BulkheadError } from '#base/errors.ts'
import { type RpcMethods, type RpcServer, serveRpc } from '#base/rpc.ts'
import type { Trust } from '#model/field.ts'
import type { IncidentRow, IncidentRowHead } from '#model/incident-row.ts'
import type { PolicyStatement } from '#model/policy-statement.ts'
import type { ErasingVault, LeavingDeletion, WaitingDrop } from './erasure-port.ts'
import { checkLook } from './looks.ts'
import type { ClearRequest } from './clear-port.ts'
import type { ApprovedNames, Backups, DirectoryRow, IncidentTexts, Look, Remember, WaitingBlob, WindowRequest } from './port.ts'
import { approvalMethods } from './approval-server.ts'
import { treeMethods, treeReadingMethods } from './tree-server.ts'
import type { Vault } from './vault.ts'
import { type OpenValue, waitingLook } from './waiting-look.ts'
import { alignedCopy, bytesOf, decodeLists, decodePages, encodeGroups, encodeIntervals, encodeNumbers } from './wire.ts'
import { matchMethods } from './match-server.ts'
import { noticeCheckMethods, noticeMethods, noticeOpeningMethods } from './notice-server.ts'

export const VAULT_ROLES = ['gateway', 'worker', 'staff'] as const

/** `tokens` by role; a role without a token cannot connect. */
export async function serveVault(options: {
  vault: Vault
  path: string
  tokens: Record<string, string>
  /** Without it nobody looks through the waiting room. */
  openValue?: OpenValue
}): Promise<RpcServer> {
  const { vault, path } = options
  const tokens = Object.fromEntries(VAULT_ROLES.flatMap((role) => (options.tokens[role] ? [[role, options.tokens[role]]] : [])))
  return serveRpc({
    path,
    tokens,
    methodsByRole: {
      gateway: { ...gatewayMethods(vault), ...noticeCheckMethods(vault) },
      worker: { ...workerMethods(vault), ...treeMethods(vault) },
      staff: {
        ...staffMethods(vault),
        ...approvalMethods(vault),
        ...treeReadingMethods(vault),
        ...waitingMethods(vault, options.openValue),
      },
    },
  })
}

function gatewayMethods(vault: Vault): RpcMethods {
  return {
    remember: async ({ log, final }: Remember) => ({ body: await vault.keeping.remember(given({ log, final })) }),
    commitWindow: async (body: WindowRequest) => {
      checkGatewayTrust(body)
      checkOrigins(body)
      return { body: await vault.commitWindow(body) }
    },
    doorKeys: async ({ day }: { day: number }) => {
      const { waiting, dedup } = await vault.doorKeys(day)
      return { body: null, attachments: [waiting, dedup] }
    },
    waitingSwept: async () => ({ body: vault.waitingSwept() }),
  }
}

/** The public edge speaks for browsers and servers; the company's own user table comes by another role. */
function checkGatewayTrust({ facts, edges, memberships }: WindowRequest): void {
  const isOwn = ({ trust }: { trust: Trust }): boolean => trust === 'browser' || trust === 'server'
  if (facts.every(isOwn) && edges.every(isOwn) && memberships.every((said) => isOwn(said) && !('admin' in said))) return
  throw new BulkheadError('vault_refused', 'the gateway states nothing with the trust of the directory')
}

/** Nothing that comes from outside is new without being counted. */
function checkOrigins({ identifiers, newcomers = [] }: WindowRequest): void {
  const counts = newcomers.map(({ count }) => count)
  const isWhole = counts.every((count) => Number.isSafeInteger(count) && count > 0)
  if (isWhole && counts.reduce((sum, count) => sum + count, 0) === identifiers.length) return
  throw new BulkheadError('vault_refused', 'the call does not say where its identifiers come from')
}

function workerMethods(vault: Vault): RpcMethods {
  return {
    remember: async ({ ledger, final }: Remember) => ({ body: await vault.keeping.remember(given({ ledger, final })) }),
    ledgerKey: async () => ({ body: vault.keeping.describe().ledgerKey }),
    activeEpoch: async ({ destination }: { destination: string }) => ({ body: await vault.activeEpoch(destination) }),
    disclose: async ({ destination, epoch }: { destination: string; epoch: number }, attachments) => {
      const [subjects, positions] = attachments.map((bytes) => new Float64Array(alignedCopy(bytes))) as [Float64Array, Float64Array]
      const reply = vault.discloseBlocks({ destination, epoch, subjects, positions })
      return { body: null, attachments: [reply.pseudonyms, reply.insertIds, bytesOf(reply.phases)] }
    },
    clearValues: async ({ destination, recipient, seal, asked }: Omit<ClearRequest, 'policy'>, [policy = Buffer.alloc(0)]) => ({
      body: await vault.clear.values({ destination, recipient, seal, asked, policyText: policy.toString('utf8') }),
    }),
    erasedPeople: async () => {
      const { ordinals, shared } = await vault.erasedPeople()
      return { body: null, attachments: [encodeNumbers(ordinals), encodeIntervals(shared)] }
    },
    deletionPseudonyms: async ({ destination, epoch }: { destination: string; epoch: number }, attachments) => {
      const subjects = new Float64Array(alignedCopy(attachments[0] as Buffer))
      return { body: await vault.deletionPseudonyms({ destination, epoch, subjects }) }
    },
    sealManifests: async ({ entries }: { entries: number[] }, attachments) => ({
      body: await vault.sealManifests(entries.map((entry, at) => ({ entry, packed: attachments[at] as Buffer }))),
    }),
    openManifests: async ({ manifests }: { manifests: { entry: number; sealed: string }[] }) => ({
      body: null,
      attachments: await vault.openManifests(manifests),
    }),
  }
}

interface SignIncidentRow {
  row: Omit<IncidentRowHead, 'instance' | 'textsSha256' | 'actor'>
  texts?: IncidentTexts
  look: Look
}

function staffMethods(vault: Vault): RpcMethods {
  return {
    resolve: async ({ query, look }: { query: string; look: Look }) => ({ body: await vault.resolve(query, look) }),
    graph: async () => {
      const { merged, devices } = await vault.graph()
      return { body: null, attachments: [encodeNumbers(merged.flat()), encodeIntervals(devices)] }
    },
    staffPseudonyms: async (_body, attachments) => ({
      body: vault.staffTexts(new Float64Array(alignedCopy(attachments[0] as Buffer))),
    }),
    staffUserIds: async (_body, attachments) => ({
      body: null,
      attachments: [Buffer.from(await vault.census.staffUserIds(new Float64Array(alignedCopy(attachments[0] as Buffer))))],
    }),
    groups: async (_body, [named = Buffer.alloc(0), ...users]) =>
      encodeGroups(await vault.census.groups({ users: decodePages(users), named: new Float64Array(alignedCopy(named)) })),
    members: async (_body, attachments) => {
      const { users, groups } = await vault.census.members(decodePages(attachments))
      return { body: null, attachments: [bytesOf(users), bytesOf(groups)] }
    },
    survey: async (_body, [single = Buffer.alloc(0), joined = Buffer.alloc(0)]) => {
      const asked = { single: new Float64Array(alignedCopy(single)), joined: decodeLists(joined) }
      const { places, residence, marks } = await vault.census.survey(asked)
      return { body: places, attachments: [bytesOf(residence), bytesOf(marks)] }
    },
    identities: async ({ people, look }: { people: number[][]; look: Look }) => ({ body: await vault.identities(people, look) }),
    acknowledgeGap: async ({ origin, look }: { origin: string; look: Look }) => ({
      body: await vault.keeping.gaps.acknowledgeGap(origin, look),
    }),
    recordLook: async ({ look }: { look: Look & { subjects: number } }) => {
      await vault.recordLook(look)
      return { body: null }
    },
    signPolicy: async ({ statement }: { statement: Omit<PolicyStatement, 'instance'> }) => ({
      body: await vault.keeping.signPolicy(statement),
    }),
    signIncidentRow: async ({ row, texts, look }: SignIncidentRow) => ({
      body: await vault.keeping.incidents.signIncidentRow(row, texts, look),
    }),
    signalNumber: async ({ known, take }: { known: number; take: boolean }) => ({
      body: await vault.keeping.incidents.signalNumber(known, take),
    }),
    openIncidentRows: async ({ rows, look }: { rows: IncidentRow[]; look: Look }) => ({
      body: (await vault.keeping.incidents.openIncidentRows(rows, look)).map((texts) => texts ?? null),
    }),
    importDirectory: async ({ rows, namespace, look }: { rows: DirectoryRow[]; namespace: string; look: Look }) => ({
      body: await vault.importDirectory(rows, namespace, look),
    }),
    remember: async ({ flows, operators, notices }: Remember) => ({
      body: await vault.keeping.remember(given({ flows, operators, notices })),
    }),
    backupRows: async ({ dir }: { dir: string }) => ({ body: await vault.keeping.backupRows(dir) }),
    backupKeys: async ({ dir }: { dir: string }) => ({ body: await vault.keeping.backupKeys(dir) }),
    recordBackup: async ({ kind, made }: { kind: keyof Backups; made: { at: number; dir: string } }) => ({
      body: await vault.keeping.recordBackup(kind, made),
    }),
    describe: async () => ({ body: await vault.describe() }),
    ...erasingMethods(vault),
    ...fileMethods(vault),
    ...leavingMethods(vault),
    ...matchMethods(vault),
    ...noticeMethods(vault),
    ...noticeOpeningMethods(vault),
  }
}

/** Keys go as bytes beside the JSON. */
function fileMethods({ files }: Vault): RpcMethods {
  return {
    newFileKey: async ({ id }: { id: string }) => ({ body: null, attachments: [await files.newFileKey(id)] }),
    openFileKey: async ({ id, look }: { id: string; look: Look }) => ({ body: null, attachments: [await files.openFileKey(id, look)] }),
    destroyFileKey: async ({ id, look }: { id: string; look: Look }) => ({ body: await files.destroyFileKey(id, look) }),
  }
}

function erasingMethods({ erasing, epochs, rotating }: Vault): RpcMethods {
  return {
    beginErasure: async ({ query, suppress, look }: { query: string; suppress: boolean; look: Look }) => {
      checkLook(look)
      return { body: await erasing.beginErasure(query, { suppress }, look) }
    },
    openErasures: async () => ({ body: await erasing.openErasures() }),
    erasure: async ({ id }: { id: number }) => ({ body: await erasing.erasure(id) }),
    unlinkErased: async ({ id }: { id: number }) => ({ body: await erasing.unlinkErased(id) }),
    advanceErasure: async ({ id, change }: { id: number; change: Parameters<ErasingVault['advanceErasure']>[1] }) => ({
      body: await erasing.advanceErasure(id, change),
    }),
    destroyErased: async ({ id }: { id: number }) => ({ body: await erasing.destroyErased(id) }),
    resealWaiting: async ({ day, drops }: { day: number; drops: WaitingDrop[] }, [sealed = Buffer.alloc(0)]) => {
      const again = await erasing.resealWaiting(day, sealed, drops)
      return { body: null, attachments: again === undefined ? [] : [again] }
    },
    openHold: async ({ vendor, look }: { vendor?: string; look: Look }) => {
      checkLook(look)
      return { body: await erasing.openHold({ vendor }, look) }
    },
    closeHold: async ({ id, look }: { id: number; look: Look }) => {
      checkLook(look)
      return { body: await erasing.closeHold(id, look) }
    },
    holds: async () => ({ body: await erasing.holds() }),
    rotateKeys: async ({ what, look }: { what: 'root' | 'kek'; look: Look }) => {
      checkLook(look)
      return { body: await rotating.rotate(what, look) }
    },
    rotateEpoch: async ({ destination, look }: { destination: string; look: Look }) => {
      checkLook(look)
      return { body: await epochs.rotateEpoch(destination, look) }
    },
    destroyEpoch: async ({ of, look }: { of: { vendor: string; destination: string; epoch: number }; look: Look }) => {
      checkLook(look)
      return { body: await epochs.destroyEpoch(of, look) }
    },
  }
}

function leavingMethods({ leaving }: Vault): RpcMethods {
  return {
    deletions: async ({ vendor }: { vendor?: string }) => ({ body: await leaving.deletions(vendor) }),
    awaitedErasures: async () => ({ body: await leaving.awaitedErasures() }),
    planLeaving: async ({ vendor, plan }: { vendor: string; plan: Omit<LeavingDeletion, 'id'>[] }) => ({
      body: await leaving.planLeaving(vendor, plan),
    }),
    wishLeaving: async ({ vendor }: { vendor: string }) => ({ body: await leaving.wishLeaving(vendor) }),
    leavingWished: async () => ({ body: await leaving.leavingWished() }),
    leavingIn: async ({ state }: { state: 'due' | 'asked' }) => ({ body: await leaving.leavingIn(state) }),
    putLeaving: async (deletion: LeavingDeletion) => ({ body: await leaving.putLeaving(deletion) }),
    closeEpochs: async ({ destinations, look }: { destinations: string[]; look: Look }) => {
      checkLook(look)
      return { body: await leaving.closeEpochs(destinations, look) }
    },
  }
}

function waitingMethods(vault: Vault, openValue: OpenValue | undefined): RpcMethods {
  if (openValue === undefined) return {}
  const look = waitingLook({
    openWaiting: (day, sealed) => vault.openWaiting(day, sealed),
    recordLook: (entry) => vault.recordLook(entry),
    openValue,
    ledgerKey: () => vault.keeping.describe().ledgerKey,
  })
  const blobsOf = (asked: readonly Omit<WaitingBlob, 'sealed'>[], attachments: readonly Buffer[]): WaitingBlob[] =>
    asked.map((blob, index) => ({ ...blob, sealed: attachments[index] as Buffer }))
  return {
    beginNames: async (body: Look) => ({ body: await look.beginNames(body) }),
    addNames: async ({ blobs }: { blobs: Omit<WaitingBlob, 'sealed'>[] }, sealed) => ({
      body: await look.addNames(blobsOf(blobs, sealed)),
    }),
    endNames: async ({ k }: { k: number }) => ({ body: await look.endNames(k) }),
    endFinding: async ({ names }: { names: string[] }) => ({ body: await look.endFinding(names) }),
    openApproved: async ({ blobs, names }: { blobs: Omit<WaitingBlob, 'sealed'>[]; names: ApprovedNames }, sealed) => ({
      body: await look.openApproved(blobsOf(blobs, sealed), names),
    }),
  }
}

/** Each role speaks of its own store: the rest of what it says is left out. */
function given(part: { [Key in keyof Remember]: Remember[Key] | undefined }): Remember {
  return Object.fromEntries(Object.entries(part).filter(([, value]) => value !== undefined))
}
