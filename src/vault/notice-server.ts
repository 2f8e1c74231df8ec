/** Calls about notices. The public edge may ask whether something is one, and nothing else. */
import type { RpcClient, RpcMethods } from '#base/rpc.ts'
import type {
  KeptNotice,
  NoticeAlert,
  NoticeAnswer,
  NoticeCheckVault,
  NoticeQuestion,
  NoticeSheet,
  NoticeVault,
  NoticeVersion,
} from './notice-port.ts'
import type { IncidentRow } from '#model/incident-row.ts'
import type { AddressedPerson, ListedMember, MemberListQuestion, NoticeOpener, ReachablePerson } from './notice-opening-port.ts'
import type { Look } from './port.ts'
import type { Vault } from './vault.ts'
import { decodeLists, encodeLists } from './wire.ts'

export function noticeCheckMethods({ notices }: Vault): RpcMethods {
  return { checkNotice: async (question: NoticeQuestion) => ({ body: await notices.checkNotice(question) }) }
}

export function noticeMethods(vault: Vault): RpcMethods {
  const { notices } = vault
  return {
    ...noticeCheckMethods(vault),
    issueNotices: async ({ versionId, people }: { versionId: string; people: { person: number; address: string }[] }) => ({
      body: await notices.issueNotices({ versionId }, people),
    }),
    keepSheets: async ({ version, sheets }: { version: NoticeVersion; sheets: NoticeSheet[] }) => {
      await notices.keepSheets(version, sheets)
      return { body: null }
    },
    keepNotices: async ({ versionId, kept }: { versionId: string; kept: KeptNotice[] }) => {
      await notices.keepNotices({ versionId }, kept)
      return { body: null }
    },
    noticeAlerts: async () => ({ body: await notices.noticeAlerts() }),
  }
}

export function noticeCheckVault(client: RpcClient): NoticeCheckVault {
  return { checkNotice: async (question) => (await client.call('checkNotice', question)).body as NoticeAnswer }
}

export function noticeVault(client: RpcClient): NoticeVault {
  return {
    ...noticeCheckVault(client),
    issueNotices: async ({ versionId }, people) => (await client.call('issueNotices', { versionId, people })).body as string[],
    keepSheets: async (version, sheets) => void (await client.call('keepSheets', { version, sheets })),
    keepNotices: async ({ versionId }, kept) => void (await client.call('keepNotices', { versionId, kept })),
    noticeAlerts: async () => (await client.call('noticeAlerts', null)).body as NoticeAlert[],
  }
}

export function noticeOpeningMethods({ noticeOpening }: Vault): RpcMethods {
  return {
    findReachable: async ({ versionId, look }: { versionId: string; look: Look }, [people = Buffer.alloc(0)]) => ({
      body: await noticeOpening.findReachable(versionId, decodeLists(people), look),
    }),
    openAddresses: async ({ of, look }: { of: { versionId: string; begun: IncidentRow }; look: Look }, [people = Buffer.alloc(0)]) => ({
      body: await noticeOpening.openAddresses(of, decodeLists(people), look),
    }),
    openMembers: async (asked: { of: { versionId: string; begun: IncidentRow }; lists: MemberListQuestion[]; look: Look }) => ({
      // JSON knows null in place of undefined.
      body: (await noticeOpening.openMembers(asked.of, asked.lists, asked.look)).map((list) => list ?? null),
    }),
  }
}

export function noticeOpener(client: RpcClient): NoticeOpener {
  return {
    findReachable: async (versionId, people, look) =>
      (await client.call('findReachable', { versionId, look }, [encodeLists(people)])).body as ReachablePerson[],
    openAddresses: async (of, people, look) =>
      (await client.call('openAddresses', { of, look }, [encodeLists(people)])).body as AddressedPerson[],
    openMembers: async (of, lists, look) =>
      ((await client.call('openMembers', { of, lists, look })).body as (ListedMember[] | null)[]).map((list) => list ?? undefined),
  }
}
