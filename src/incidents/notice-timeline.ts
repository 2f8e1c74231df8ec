/** Notices in the timeline of an incident: numbers, never whom. */
import { SINGLE_OPERATOR } from '#records/approvals.ts'
import type { Event } from './incident-state.ts'

/** What the rows about notices hold, as far as it is told. */
interface Body {
  version: number
  recipients: number
  organisations: number
  noAddress: number
  sha256: string
  way: 'smtp' | 'maildir' | 'outbox'
  approval: number
  approvedBy: string
  sent: number
  filed: number
  skipped: number
  failed: number
  unknown: number
  as: 'sent' | 'again' | 'failed-again' | 'refused' | 'stopped' | 'continued'
  open: number
}

const WAYS = { smtp: 'by the mail server', maildir: 'as files for another program', outbox: 'into the sealed outbox' } as const

/** Reports tell the timeline and name nobody: who approved stands in the row and in `approval list`. */
function letBy({ approvedBy }: Body): string {
  return approvedBy === SINGLE_OPERATOR ? 'which counted after the delay of a single operator' : 'approved by a second person'
}

/** Undefined for rows about anything else. */
export function noticeEntry<Entry>(event: Event, entry: (detail: string, text?: string) => Entry[], reason: string): Entry[] | undefined {
  const body = event.body as Body
  const name = `notices, version ${body.version}`
  switch (event.kind) {
    case 'notice-proposed':
      return entry(`${name}, proposed: to ${body.recipients} people, ${body.noAddress} without an address; SHA-256 ${body.sha256}`, reason)
    case 'notice-begun': {
      const administrators = body.organisations === 0 ? '' : ` and ${body.organisations} administrators`
      const people = `to ${body.recipients} people${administrators}`
      return entry(`${name}, begun ${WAYS[body.way]}: ${people}; proposal ${body.approval}, ${letBy(body)}`, reason)
    }
    case 'notice-ended': {
      const { sent, filed, skipped, failed, unknown } = body
      return entry(`${name}, ended: ${sent} sent, ${filed} filed, ${skipped} skipped, ${failed} failed, ${unknown} unknown`)
    }
    case 'notice-settled':
      return entry(settledText(name, body), reason)
    default:
      return undefined
  }
}

function settledText(name: string, { as, open }: Body): string {
  switch (as) {
    case 'stopped':
    case 'continued':
      return `${name}, ${as}`
    case 'sent':
      return `${name}: of ${open} that were unknown, some were said to have been sent`
    case 'again':
      return `${name}: what was unknown goes again, of ${open}`
    case 'failed-again':
      return `${name}: ${open} that failed go again`
    case 'refused':
      return `${name}: ${open} that the mail server refused were said to have failed`
  }
}
