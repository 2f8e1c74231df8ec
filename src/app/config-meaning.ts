/** What a schema cannot say of the configuration: names that must differ, addresses, grants that contradict the laws. */
import { DAY_MS, parseInstant } from '#base/clock.ts'
import { APPROVALS_DEFAULTS, type DestinationConfig, DISK_DEFAULTS, type PlaceDetail } from '#model/config.ts'
import { categoryOf, type Form, isClearField, isField } from '#model/field.ts'
import { isThisMachine } from '#model/recipient.ts'
import { countryCode } from '#policy/forms.ts'
import { PURPOSES_MAX, purposesOf, STORE_PURPOSE, whyNotApproved, whyNotGranted } from '#policy/policy.ts'
import { checkClocks } from './config-clocks.ts'
import { checkLedger } from './config-ledger.ts'
import { checkNotices } from './config-notices.ts'
import type { ConfigFile } from './config-schema.ts'
import type { ConfigText, Path, Problem } from './config-text.ts'

export type VendorFile = NonNullable<ConfigFile['vendors']>[number]
export type DestinationFile = VendorFile['destinations'][number]
type GrantFile = NonNullable<DestinationFile['grants']>[number]

/** `ipVersion` as `net.isIP`: 4, 6 or 0. */
export function checkMeaning(
  file: ConfigFile,
  text: ConfigText,
  protocols: readonly string[],
  ipVersion: (text: string) => number,
): Problem[] {
  const problems: Problem[] = []
  const report = (at: Path, found: string, expected: string): void => void problems.push({ offset: text.offsetOf(at), found, expected })
  const once = onceIn(report)
  const clearDaysMax = file.approvals?.clearDaysMax ?? APPROVALS_DEFAULTS.clearDaysMax
  for (const [index, source] of file.sources.entries()) {
    const at: Path = ['sources', index]
    once('source', source.id, [...at, 'id'], `the source id ${JSON.stringify(source.id)} again`)
    checkProtocol(source.protocol, [...at, 'protocol'], protocols, report)
    const before = file.sources.find((other, i) => i < index && other.token === source.token && other.protocol === source.protocol)
    if (before !== undefined) {
      const differs = (before.trust ?? 'browser') !== (source.trust ?? 'browser')
      const found = `the token of the source ${JSON.stringify(before.id)} again${differs ? ', with another trust' : ''}`
      report(
        [...at, 'token'],
        found,
        differs ? "a token of its own: one that ships to clients cannot be trusted as a server's" : 'a token of its own',
      )
    }
  }
  for (const [index, vendor] of (file.vendors ?? []).entries()) {
    const at: Path = ['vendors', index]
    once('vendor', vendor.id, [...at, 'id'], `the vendor id ${JSON.stringify(vendor.id)} again`)
    for (const [place, destination] of vendor.destinations.entries()) {
      const within: Path = [...at, 'destinations', place]
      once('destination', destination.id, [...within, 'id'], `the destination id ${JSON.stringify(destination.id)} again`)
      checkProtocol(destination.protocol, [...within, 'protocol'], protocols, report)
      const wrong = whyNotUrl(destination.url)
      if (wrong !== undefined)
        report([...within, 'url'], wrong, 'an https:// address without user, query or fragment (http:// only on this machine)')
      for (const [number, grant] of (destination.grants ?? []).entries()) {
        checkGrant(grant, [...within, 'grants', number], report, clearDaysMax)
        checkPlace(grant, file.gateway?.places ?? 'country', [...within, 'grants', number], report)
      }
      checkConsentRules(destination, [...within, 'consent'], report)
      checkApproved(destination.properties?.approved, [...within, 'properties', 'approved'], report)
    }
  }
  for (const [index, range] of (file.gateway?.trustProxy ?? []).entries()) {
    if (isRange(range, ipVersion)) continue
    report(
      ['gateway', 'trustProxy', index],
      text.describe(['gateway', 'trustProxy', index]),
      'an address or a CIDR range, for example 10.0.0.0/8',
    )
  }
  checkConsent(file, report)
  checkApproved(file.store?.properties?.approved, ['store', 'properties', 'approved'], report)
  checkDisk(file.disk, report)
  checkKeys(file.keys, report)
  checkClocks(file.clocks, report)
  checkLedger(file.ledger, report, whyNotUrl)
  const urls = (file.vendors ?? []).flatMap((vendor) => vendor.destinations.map(({ url }) => url))
  checkNotices(file.notices, urls, report)
  return problems
}

function checkKeys(keys: ConfigFile['keys'], report: Report): void {
  if (keys === undefined) return
  const at: Path = ['keys', 'transit']
  const wrong = whyNotUrl(keys.transit.url)
  if (wrong !== undefined)
    report([...at, 'url'], wrong, 'an https:// address without user, query or fragment (http:// only on this machine)')
  const { token, tokenFile } = keys.transit
  if ((token === undefined) === (tokenFile === undefined)) {
    report(at, token === undefined ? 'neither token nor tokenFile' : 'both token and tokenFile', 'one of token and tokenFile')
  }
}

/** A held vendor must not be able to fill the log up to where nothing more is accepted. */
function checkDisk(disk: ConfigFile['disk'], report: Report): void {
  const { holdBytesMax, folderBytesMax, logBytesMax } = { ...DISK_DEFAULTS, ...disk }
  if (holdBytesMax + 2 * folderBytesMax <= logBytesMax) return
  const key = disk?.logBytesMax !== undefined ? 'logBytesMax' : disk?.holdBytesMax !== undefined ? 'holdBytesMax' : 'folderBytesMax'
  const found = `logBytesMax ${logBytesMax} with holdBytesMax ${holdBytesMax} and folderBytesMax ${folderBytesMax}`
  report(['disk', key], found, 'logBytesMax to be at least holdBytesMax and two folders')
}

export function checkConsentRules(destination: Pick<DestinationFile, 'grants' | 'consent'>, at: Path, report: Report): void {
  const purposes = purposesOf(destination as Pick<DestinationConfig, 'grants'>)
  const seen = new Set<string | undefined>()
  for (const [index, { purpose, basis, reason }] of (destination.consent ?? []).entries()) {
    const named = purpose === undefined ? 'a rule without purpose' : `the purpose ${JSON.stringify(purpose.slice(0, 60))}`
    if (purpose !== undefined && !purposes.includes(purpose))
      report([...at, index, 'purpose'], `${named}, which no grant has`, `one of ${purposes.join(', ')}`)
    if (seen.has(purpose)) report([...at, index], `${named} again`, 'one rule a purpose, and one without')
    seen.add(purpose)
    if (basis === 'not-needed' && reason === undefined)
      report([...at, index], 'not-needed without a reason', 'reason: why, as counsel says it')
  }
  if (purposes.length > PURPOSES_MAX) report(at.slice(0, -1), `grants with ${purposes.length} purposes`, `at most ${PURPOSES_MAX} purposes`)
}

function checkConsent(file: ConfigFile, report: Report): void {
  const rule = file.store?.consent
  if (rule?.basis === 'not-needed' && rule.reason === undefined)
    report(['store', 'consent'], 'not-needed without a reason', 'reason: why, as counsel says it')
  for (const code of Object.keys(file.consent?.countries ?? {})) {
    if (countryCode(code) === undefined)
      report(
        ['consent', 'countries', code],
        `the country ${JSON.stringify(code.slice(0, 60))}`,
        'a code of ISO 3166-1 with two letters, for example DE',
      )
  }
  const destinations = (file.vendors ?? []).flatMap((vendor) => vendor.destinations)
  const purposes = [...new Set(destinations.flatMap((each) => purposesOf(each as Pick<DestinationConfig, 'grants'>)))]
  purposes.push(rule?.purpose ?? STORE_PURPOSE)
  for (const [category, purpose] of Object.entries(file.consent?.categories ?? {})) {
    if (!purposes.includes(purpose))
      report(['consent', 'categories', category], `the purpose ${JSON.stringify(purpose.slice(0, 60))}`, `one of ${purposes.join(', ')}`)
  }
}

/** A grant of what is never kept would be read as a promise. */
function checkPlace({ field, form }: GrantFile, kept: PlaceDetail, at: Path, report: Report): void {
  if ((field !== 'region' && field !== 'city') || form !== 'coarse' || kept === 'city' || kept === field) return
  report([...at, 'field'], `the field ${field}, and gateway.places keeps the ${kept} alone`, `gateway: { places: ${field} }`)
}

export type Report = (at: Path, found: string, expected: string) => void

function onceIn(report: Report): (kind: string, id: string, at: Path, found: string) => void {
  const seen = new Set<string>()
  return (kind, id, at, found) => {
    // Destination ids stand in the ledger and name cursors, so they differ between vendors too.
    if (seen.has(`${kind} ${id}`)) report(at, found, `an id that no other ${kind} has`)
    seen.add(`${kind} ${id}`)
  }
}

function checkProtocol(protocol: string, at: Path, protocols: readonly string[], report: Report): void {
  if (!protocols.includes(protocol)) report(at, `the protocol ${JSON.stringify(protocol.slice(0, 60))}`, `one of ${protocols.join(', ')}`)
}

function whyNotUrl(text: string): string | undefined {
  const url = URL.parse(text)
  if (url === null) return 'no address'
  if (url.username !== '' || url.password !== '') return 'an address with a user in it'
  if (url.search !== '' || url.hash !== '') return 'an address with a query or fragment'
  if (url.protocol === 'https:') return undefined
  if (url.protocol !== 'http:') return `an address that begins with ${url.protocol}`
  // Without TLS everybody on the way reads along: a disclosure that no ledger would know.
  return isThisMachine(url.hostname) ? undefined : 'an address without TLS'
}

/** Keys that name identity cannot be approved anywhere. */
export function checkApproved(keys: readonly string[] | undefined, at: Path, report: Report): void {
  for (const [index, key] of (keys ?? []).entries()) {
    const why = whyNotApproved(key.normalize('NFC'))
    if (why !== undefined) report([...at, index], `the key ${JSON.stringify(key.slice(0, 60))}`, `another key: ${why}`)
  }
}

export function checkGrant(grant: GrantFile, at: Path, report: Report, clearDaysMax = APPROVALS_DEFAULTS.clearDaysMax): void {
  const { field, form } = grant
  if (field !== 'property.*' && !isField(field)) {
    report(
      [...at, 'field'],
      `the unknown field ${JSON.stringify(field.slice(0, 60))}`,
      'a field by meaning (see docs/configuration.md), property.KEY, or property.*',
    )
    return
  }
  const until = grant.until === undefined ? undefined : decodeInstant(grant.until)
  if (until !== undefined && Number.isNaN(until)) {
    report(
      [...at, 'until'],
      `the text ${JSON.stringify(grant.until?.slice(0, 60))}`,
      'a day or an instant with zone, for example 2027-01-31',
    )
  }
  const category = field === 'property.*' ? 'property' : categoryOf(field)
  if (form === 'clear' && isClearField(field) && until === undefined) {
    report(at, `${field} in the clear without an end`, 'until: a day; identity fields are granted in the clear for a time only')
  } else if (form === 'clear' && isClearField(field) && (grant.reason ?? '').trim() === '') {
    report(at, `${field} in the clear without a reason`, 'reason: why; somebody else has to agree to it')
  } else if (form === 'clear' && isClearField(field) && (until ?? 0) > Date.now() + clearDaysMax * DAY_MS) {
    report([...at, 'until'], `${field} in the clear for more than ${clearDaysMax} days`, 'an earlier day (approvals.clearDaysMax)')
  } else if (category === 'identifier' && form !== 'pseudonym' && form !== 'withheld' && !(form === 'clear' && isClearField(field))) {
    report([...at, 'form'], `${field} in the form ${form}`, 'pseudonym or withheld: this identifier leaves only as a pseudonym')
  } else {
    const why = whyNotGranted(field, form as Form)
    if (why !== undefined) report([...at, 'form'], `${field} in the form ${form}`, `another form or no grant: ${why}`)
  }
}

function isRange(text: string, ipVersion: (text: string) => number): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const version = ipVersion(address)
  if (version === 0 || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
}

/** UTC ms of `2027-01-31` (its beginning) or of an ISO 8601 instant with zone; NaN for anything else. */
export function decodeInstant(text: string): number {
  return /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2}))?$/.test(text) ? parseInstant(text) : Number.NaN
}
