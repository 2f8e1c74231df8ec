/** Answers as lines for people: short, aligned, instants in UTC. The words are those that counsel will read (docs/SECURITY.md). */
import type { DirectoryResult, Doctor, VendorCut, VendorList, VendorRestore, VendorShow, WhoResult } from '#api/contract.ts'

/** `2025-11-08 09:30 UTC`. */
export function when(instant: string): string {
  return `${instant.slice(0, 10)} ${instant.slice(11, 16)} UTC`
}

function span(first: string, last: string): string {
  return when(first) === when(last) ? when(first) : `${when(first)} to ${when(last)}`
}

/** Rows as columns, each as wide as its widest cell. */
export function table(rows: readonly (readonly string[])[], indent = ''): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  return rows.map((row) => `${indent}${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd()).join('\n')
}

export function wrap(words: readonly string[], indent: string, width = 100): string {
  const lines: string[] = []
  let line = indent
  for (const [index, word] of words.entries()) {
    const text = `${word}${index < words.length - 1 ? ', ' : ''}`
    if (line !== indent && line.length + text.trimEnd().length > width) {
      lines.push(line.trimEnd())
      line = indent
    }
    line += text
  }
  return [...lines, line.trimEnd()].join('\n')
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString('en-US')} ${number === 1 ? one : many}`
}

export function renderVendors({ vendors }: VendorList): string {
  if (vendors.length === 0) return 'No vendor is configured: nothing leaves.'
  return table([
    ['VENDOR', 'FLOW', 'CHANGED', 'DESTINATIONS'],
    ...vendors.map((vendor) => [
      vendor.vendor,
      vendor.state !== 'open' ? vendor.state.toUpperCase() : vendor.configured ? 'open' : 'not configured',
      vendor.changedAt === null ? '-' : when(vendor.changedAt),
      vendor.destinations.map((entry) => entry.destination).join(', ') || '-',
    ]),
  ])
}

const FLOWS = { open: 'the flow is open', cut: 'the flow is CUT', retired: 'RETIRED, the flow is closed for good' } as const

export function renderVendor(vendor: VendorShow): string {
  const lines = [
    `${vendor.vendor} (${vendor.name}): ${FLOWS[vendor.state]}`,
    ...(vendor.configured ? [] : ['It is in no configuration: nothing is sent to it.']),
  ]
  for (const outlet of vendor.destinations) {
    lines.push('', `${outlet.destination}  ${outlet.protocol}  ${outlet.url ?? '(no address: not configured)'}`)
    const applied = vendor.policy?.destinations.find((entry) => entry.destination === outlet.destination)
    if (applied === undefined) {
      lines.push('  nothing granted')
      continue
    }
    const grants = applied.grants.map((grant) => [grant.field, grant.form, grant.purpose, grant.rule])
    lines.push(grants.length === 0 ? '  nothing granted: nothing leaves' : table([['FIELD', 'FORM', 'PURPOSE', 'RULE'], ...grants], '  '))
    if (applied.events.length > 0) lines.push('  approved events', wrap(applied.events, '    '))
    if (applied.properties.length > 0) lines.push('  approved properties', wrap(applied.properties, '    '))
  }
  for (const { destination, events, since } of vendor.held) {
    lines.push('', `${destination}: about ${count(events, 'event')} will be sent from the warehouse; the log waited until ${when(since)}`)
  }
  lines.push(...renderLeaving(vendor))
  const { kind, saidAt } = vendor.baseline
  lines.push('', `Held before Bulkhead: ${kind}${saidAt === null ? '' : `, as said at ${when(saidAt)}`}`)
  if (vendor.history.length > 0) {
    const rows = vendor.history.map((entry) => [
      when(entry.at),
      entry.state === 'open' ? 'restored' : entry.state,
      entry.actor,
      entry.reason || '-',
    ])
    lines.push('', 'History', table(rows, '  '))
  }
  return lines.join('\n')
}

function renderLeaving({ vendor, credentials, deletions, heldDecided }: VendorShow): string[] {
  const lines: string[] = []
  if (!heldDecided) lines.push('', `Events wait, and nobody has decided what becomes of them: bulkhead vendor held ${vendor}`)
  const owed = Object.entries(deletions ?? {}).filter(([, identifiers]) => identifiers > 0)
  if (owed.length > 0) {
    const words = (state: string): string => (state === 'done' ? 'vendor says done' : state)
    const counts = owed.map(([state, identifiers]) => `${identifiers.toLocaleString('en-US')} ${words(state)}`)
    lines.push('', `Identifiers to delete: ${counts.join(', ')} (bulkhead vendor deletions ${vendor})`)
  }
  if (credentials.length > 0) {
    const rows = credentials.map(({ name, kind, configured, toRotate, rotatedAt }) => {
      const since = rotatedAt === null ? 'never said to be rotated' : `rotated ${when(rotatedAt)}`
      return [name, kind, toRotate ? 'TO ROTATE AT THE VENDOR' : since, configured ? '' : 'configured no more']
    })
    lines.push('', 'Credentials', table(rows, '  '))
  }
  return lines
}

export function renderCut(cut: VendorCut): string {
  const workers =
    cut.unfenced.length > 0
      ? `NOT COMPLETE: ${cut.unfenced.join(', ')} could not be fenced; until it is gone a request may still start.`
      : cut.fencedWorkers > 0
        ? 'The worker is fenced: no request with people’s data starts any more.'
        : 'No worker runs: no request can start.'
  return [
    `${cut.vendor} is cut; this was recorded at ${cut.cutAt}.`,
    workers,
    `${count(cut.heldEvents, 'event')} held. Your own analytics go on.`,
    ...cut.credentials.filter(({ toRotate }) => toRotate).map(({ name, kind }) => `Rotate at the vendor: ${name}, ${kind}`),
    `What was begun before counts as possible: bulkhead incident affected --vendor ${cut.vendor}`,
  ].join('\n')
}

export function renderRestore(restore: VendorRestore): string {
  const held = count(restore.heldEvents, 'event')
  return `${restore.vendor} is open again since ${restore.restoredAt}. ${held} that waited will be sent, oldest first.`
}

function renderDisclosures(person: Pick<WhoResult, 'subject' | 'disclosures' | 'notSent'>): string[] {
  const lines = [`Person ${person.subject}`]
  if (person.disclosures.length === 0) lines.push('  Nothing about this person was sent to any vendor through Bulkhead.')
  for (const entry of person.disclosures) {
    const { delivered, possible } = entry.states
    lines.push(
      `  ${entry.vendor}/${entry.destination}, epoch ${entry.epoch}, ${entry.surface}, for ${entry.purpose}`,
      `    sent     ${span(entry.sentFirst, entry.sentLast)}`,
      `    events   ${count(entry.events, 'event')} of ${span(entry.first, entry.last)} (${delivered} delivered, ${possible} possible)`,
      '    fields',
      wrap(
        entry.fields.map((pair) => `${pair.field} (${pair.form})`),
        '      ',
      ),
    )
  }
  lines.push('  Was not among the fields that we sent', wrap(person.notSent, '    '))
  return lines
}

export function renderWho(answer: WhoResult): string {
  const lines = renderDisclosures(answer)
  for (const other of answer.others ?? []) lines.push('', ...renderDisclosures(other))
  lines.push('', 'Searched', wrap(answer.searched, '  '))
  const { checkpoint } = answer.checked
  if (checkpoint !== null) lines.push('', `Latest checkpoint of the ledger: size ${checkpoint.size}, root ${checkpoint.root}`)
  return lines.join('\n')
}

export function renderDirectory(answer: DirectoryResult): string {
  const people = count(answer.newPeople, 'new person', 'new people')
  return `${count(answer.rows, 'row')} imported: ${people}, ${count(answer.facts, 'fact')} kept sealed.`
}

export function renderDoctor(answer: Doctor): string {
  const since = answer.startedAt === null ? 'not running' : `up since ${when(answer.startedAt)}`
  const counted = (number: number | null): string => (number === null ? 'unknown' : number.toLocaleString('en-US'))
  return [
    `Bulkhead ${answer.version}, instance ${answer.instance}, ${answer.mode} mode, ${since}`,
    '',
    table(
      answer.checks.map((check) => [
        check.state.replace('_', ' '),
        check.id,
        check.fix === '' ? check.what : `${check.what}. ${check.fix}`,
      ]),
      '  ',
    ),
    '',
    table(
      [
        ['records accepted since the start', counted(answer.events.accepted)],
        ['events in the warehouse', counted(answer.events.warehouse)],
        ['policy version', answer.policy === null ? 'none' : String(answer.policy.version)],
        ['keys', answer.keys?.folder ?? 'unknown'],
      ],
      '  ',
    ),
    '',
    verdict(answer),
  ].join('\n')
}

function verdict({ ok, checks }: Doctor): string {
  if (!ok) return 'Something is wrong: see the lines marked "fail".'
  return checks.every(({ state }) => state === 'ok') ? 'All is well.' : 'Nothing failed; see the lines that are not "ok".'
}
