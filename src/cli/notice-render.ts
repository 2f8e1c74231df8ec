/** Notices in words, for people. */
import type { NoticeListResult, NoticePreviewResult, NoticeSettleResult, NotifyResult } from '#api/notice-contract.ts'
import { table } from './render.ts'

export function renderNotify(answer: NotifyResult): string {
  return [...headOf(answer), '', ...countsOf(answer), '', ...nextOf(answer)].join('\n')
}

function headOf({ incident, version, scopeVersion, state, shapes, languages, sha256 }: NotifyResult): string[] {
  const texts = `${shapes} ${shapes === 1 ? 'text' : 'texts'} in ${languages.join(', ') || 'no language'}`
  return [
    `Notices of incident ${incident}, version ${version}, of scope version ${scopeVersion}: ${WORDS[state]}`,
    `${texts}, SHA-256 ${sha256}`,
  ]
}

const WORDS: Record<NotifyResult['state'], string> = {
  draft: 'a draft, nothing of it is kept',
  proposed: 'proposed',
  sending: 'under way',
  stopped: 'stopped',
  done: 'nothing waits any more',
}

function countsOf(answer: NotifyResult): string[] {
  const { recipients, sent, filed, waiting, skipped, failed, unknown, noTrustedAddress, erased, organisations, why } = answer
  const rows: [string, number][] = [
    ['people to tell', recipients],
    ['sent', sent],
    ['filed in the maildir', filed],
    ['wait', waiting],
    ['skipped', skipped],
    ['failed', failed],
    ['unknown whether it was taken', unknown],
    ['without a trusted address', noTrustedAddress],
    ['erased, nobody can tell them', erased],
    ['administrators of organisations', organisations.recipients],
    ['of these sent', organisations.sent + organisations.filed],
    ['of these wait', organisations.waiting],
    ['of these failed', organisations.failed],
    ...Object.entries(why).map(([word, count]): [string, number] => [`  because ${word.replaceAll('_', ' ')}`, count]),
  ]
  const always = new Set(['people to tell', 'sent', 'unknown whether it was taken', 'without a trusted address'])
  return [table(rows.filter(([name, count]) => count > 0 || always.has(name)).map(([name, count]) => [name, String(count)]))]
}

function nextOf(answer: NotifyResult): string[] {
  const { incident, state, approval, countsFrom, way, trouble, fault, unknown, why, organisations } = answer
  const failed = answer.failed + organisations.failed
  const id = String(incident)
  const lines: string[] = []
  if (state === 'draft') lines.push(`Next: bulkhead incident notify ${id} --preview, then --propose --reason "…"`)
  if (state === 'proposed' && approval !== null) {
    lines.push(`Proposal ${approval} waits for a second person: bulkhead approval approve ${approval} --reason "…"`)
    if (countsFrom !== null) lines.push(`It counts from ${countsFrom}.`)
    lines.push(`Then: bulkhead incident notify ${id} --send`)
  }
  if (state === 'proposed' && approval === null)
    lines.push(`Nobody can approve it as it is: bulkhead incident notify ${id} --propose --reason "…" proposes it again.`)
  if (state === 'sending' && way === 'outbox')
    lines.push('They lie in the sealed outbox: there is no mail server in the configuration. Send again with one, or with --outbox DIR.')
  if (fault !== null) lines.push(`It stands still: ${fault.message} (${fault.code}). ${fault.hint}`)
  else if (trouble !== null) lines.push(`The mail server: ${trouble}. It is tried again by itself.`)
  // Of one that a restore has lost nobody knows who waits.
  const isLost = answer.sha256 === ''
  if (state === 'stopped' && (isLost || answer.waiting + organisations.waiting > 0)) {
    if (!isLost) lines.push(`It goes on with: bulkhead incident notify ${id} --send --continue --reason "…"`)
    lines.push(`A new version tells those who wait instead: bulkhead incident notify ${id} --propose --continue --reason "…"`)
  }
  if ((why.next_version ?? 0) > 0)
    lines.push(
      `Whoever has an address by now that had its mail already is told by the next version: bulkhead incident notify ${id} --propose.`,
    )
  // To an address that no mail goes to, none goes the next time either.
  if (failed > (why.address_form ?? 0))
    lines.push(
      `Was it the mail server and not these people: bulkhead incident notify ${id} --send --resend-failed --reason "…" sends failed ones again.`,
    )
  if (unknown > 0)
    lines.push(
      `bulkhead incident notice list ${id} names the Message-IDs of the unknown ones; the mail server's log knows what became of them.`,
    )
  return lines
}

export function renderPreview({ version, sha256, state, shapes, shape, language, subject, text }: NoticePreviewResult): string {
  const list = shapes.map(({ number, kind, sent, possibleOnly }) => [
    number === shape ? `> ${number}` : `  ${number}`,
    kind,
    `${sent.join(', ')}${possibleOnly ? ' (possible only)' : ''}`,
  ])
  return [
    `Notices, version ${version} (${WORDS[state]}), SHA-256 of all texts ${sha256}`,
    table(list),
    '',
    `Text ${shape} in ${language}`,
    `Subject: ${subject}`,
    '',
    text,
  ].join('\n')
}

export function renderNoticeList({ incident, notices }: NoticeListResult): string {
  if (notices.length === 0)
    return `Incident ${incident} has no notices. bulkhead incident notify ${incident} --dry-run counts whom they would tell.`
  return notices
    .map((each) => {
      const open = each.open.map(({ messageId, at, why }) => [messageId, at, why ?? ''])
      return [renderNotify(each), ...(open.length === 0 ? [] : ['', 'Open:', table(open)])].join('\n')
    })
    .join('\n\n')
}

export function renderSettled({ version, settled, unknown }: NoticeSettleResult): string {
  return `Version ${version}: ${settled} settled, ${unknown} still unknown.`
}
