/** For tests of the staff API that tell nobody: everybody is reachable, nothing is kept, nothing is sent. */
import type { DeskPorts } from '#notices/desk.ts'
import { loadNoticeTemplates } from '#notices/text/templates.ts'
import { noticeWords } from '#notices/words.ts'

export const NO_NOTICES: Omit<DeskPorts, 'records' | 'clock'> & { vault: DeskPorts['vault'] } = {
  vault: {
    findReachable: async (_id, people) => people.map(([first]) => ({ isErased: false, language: 'en', tag: `tag-${first}` })),
    openAddresses: async (_of, people) => people.map(() => ({ isErased: false, address: null, name: null, tag: '' })),
    openMembers: async (_of, lists) => lists.map(() => undefined),
    issueNotices: async () => [],
    keepSheets: async () => undefined,
    keepNotices: async () => undefined,
  },
  words: noticeWords(loadNoticeTemplates()),
  config: undefined,
  sealedPlaces: [],
  begunRow: () => undefined,
  identifiersOf: async () => (person) => [person],
  assertStillTrue: async () => undefined,
  onTold: async () => undefined,
  onEnded: async () => undefined,
  trace: () => undefined,
}
