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
import type { Vault } from './vault.ts'

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
