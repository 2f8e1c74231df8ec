/** What a person says of notices whose fate this program does not decide: open ones, ones that failed, ones that a server refuses. */
import type { NoticeRecipient, NoticeRecords, RecipientChange, RecipientState } from '#records/notice-rows.ts'

export type Settled =
  /** Of which nobody knows: by its Message-ID, or all. */
  | { was: 'sent' | 'again'; of: string }
  /** All that failed go again: the mail server was not set up, say. */
  | { was: 'failed-again' }
  /** All that wait because the mail server refused them have failed: a person found that it means them. */
  | { was: 'refused' }

const ROWS_A_TIME = 1000

type Of = { incident: number; version: number }

/** How many were settled. */
export function settleRecipients(
  of: Of,
  settled: Settled,
  records: Pick<NoticeRecords, 'recipientBy' | 'recipientsIn' | 'changeRecipients'>,
  at: number,
): number {
  let count = 0
  for (const rows of pagesOf(of, settled, records)) {
    records.changeRecipients(of, rows.map(PLANS[settled.was].change), at)
    count += rows.length
  }
  return count
}

/** How many there are to settle. */
export function settlableCount(of: Of, settled: Settled, records: Pick<NoticeRecords, 'recipientBy' | 'recipientsIn'>): number {
  let count = 0
  for (const rows of pagesOf(of, settled, records)) count += rows.length
  return count
}

/** While nothing of it is under way: what is on record as under way is what nobody answered for. */
export function leaveOpen(of: Of, records: Pick<NoticeRecords, 'recipientsIn' | 'changeRecipients'>, at: number): void {
  for (;;) {
    const left = records.recipientsIn(of, 'sending', { after: 0, limit: ROWS_A_TIME })
    if (left.length === 0) return
    records.changeRecipients(
      of,
      left.map(({ number }) => ({ number, state: 'unknown', why: 'crash' })),
      at,
    )
  }
}

function* pagesOf(of: Of, settled: Settled, records: Pick<NoticeRecords, 'recipientBy' | 'recipientsIn'>): Generator<NoticeRecipient[]> {
  const { from, isOne } = PLANS[settled.was]
  if ('of' in settled && settled.of !== 'all') {
    const row = records.recipientBy(of, settled.of)
    if (row?.state === from) yield [row]
    return
  }
  for (let after = 0; ; ) {
    const rows = records.recipientsIn(of, from, { after, limit: ROWS_A_TIME })
    const last = rows.at(-1)
    if (last === undefined) return
    after = last.number
    yield rows.filter(isOne)
  }
}

interface Plan {
  from: RecipientState
  isOne(row: NoticeRecipient): boolean
  change(row: NoticeRecipient): RecipientChange
}

const PLANS: Record<Settled['was'], Plan> = {
  sent: { from: 'unknown', isOne: () => true, change: ({ number }) => ({ number, state: 'sent', why: 'settled' }) },
  again: { from: 'unknown', isOne: () => true, change: ({ number }) => ({ number, state: 'waiting', why: null, nextAt: 0 }) },
  'failed-again': {
    from: 'failed',
    isOne: () => true,
    change: ({ number }) => ({ number, state: 'waiting', why: null, reply: null, attempts: 0, nextAt: 0 }),
  },
  refused: {
    from: 'waiting',
    isOne: ({ attempts, reply }) => attempts > 0 && reply !== null && reply >= 500,
    change: ({ number }) => ({ number, state: 'failed', why: 'refused' }),
  },
}
