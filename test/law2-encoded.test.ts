/**
 * Law 2 on the bytes: random policies × random nested records go the whole way from the SDK's JSON to the encoded request
 * (decode, split, decide, plan, encode), without a network. The oracle knows the policy and what was sent, nothing of how
 * the way works: every key and every value of every encoded record must be explained by a grant.
 */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { type Plan, planRequests } from '#forward/batch.ts'
import type { PlacedRecord } from '#forward/placed-record.ts'
import { testVault } from '#forward/testing-parts.ts'
import type { SourceConfig } from '#model/config.ts'
import type { Field } from '#model/field.ts'
import type { LogRecord } from '#model/log-entry.ts'
import type { Grant, Policy } from '#model/policy.ts'
import { compilePolicy, destinationDecider } from '#policy/policy.ts'
import { protocols } from '#protocols/registry.ts'
import { createSplit } from '#split/split.ts'

const DESTINATIONS = ['d', 'another']
const NOW = 1_764_000_000_000
const EVENTS = ['Signed Up', 'Invoice Paid', 'Ärger', 'constructor']
const KEYS = ['plan', 'amount', 'seats', 'is trial', 'cart', 'cart.total']
const GRANTABLE = [
  'user_id',
  'device_id',
  'group_id',
  'country',
  'region',
  'city',
  'os',
  'browser',
  'browser_version',
  'referrer',
  'url',
  'screen',
  'property.*',
]
const UUID = /^(?:\$device:)?[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const RESERVED = ['$identify', '$create_alias', '$mp_web_page_view']
const OPERATIONS = ['$set', '$set_once', '$add', '$append', '$union', '$remove', '$unset', '$delete']
/** Keys that stand in every record of Mixpanel: ours, the project's, or switches. */
const ALWAYS = ['token', 'time', '$insert_id', 'distinct_id', 'ip', '$token', '$distinct_id', '$ip', '$ignore_time', '$ignore_alias']
const KEYS_OF: Record<string, string[]> = {
  // A linked id is a user's or a device's, as it was sent; here both are written without the prefix of devices.
  user_id: ['$user_id', '$identified_id', 'alias', '$distinct_ids', '$anon_id', '$anon_distinct_id'],
  device_id: ['$device_id', '$anon_id', '$anon_distinct_id'],
  group_id: ['company', '$group_key', '$group_id'],
  country: ['mp_country_code', '$country_code'],
  region: ['$region'],
  city: ['$city'],
  os: ['$os'],
  browser: ['$browser'],
  browser_version: ['$browser_version'],
  referrer: ['$referring_domain', 'referrer_medium'],
  url: ['page_path'],
  screen: ['$screen_width', '$screen_height'],
}

const SOURCE: SourceConfig = {
  id: 'web',
  protocol: 'mixpanel',
  token: 'T',
  trust: 'server',
  namespace: 'default',
  surface: 'site',
  groupKeys: ['company'],
}

interface Case {
  grants: string[]
  expired: string[]
  events: string[]
  properties: string[]
  /** What the policy makes of consent, and what is said of it. */
  basis: 'opt-in' | 'opt-out' | 'not-needed'
  readsGpc: boolean
  gpc: boolean
  collected: boolean
  /** Properties leave as buckets. */
  coarse: boolean
  /** Identity in the clear: granted as it has to be, run out, agreed to by nobody, or by one person alone. */
  clear: { field: (typeof CLEAR)[number]; is: 'agreed' | 'over' | 'proposed' | 'alone' }[]
}

const CLEAR = ['email', 'name', 'phone', 'user_id', 'group_id'] as const
const CLEAR_KEYS = { email: '$email', name: '$name', phone: '$phone', user_id: 'user_id', group_id: 'group_id' } as const
const UNTIL = NOW + 1000
const AGREED = { id: 1, proposedBy: 'ann', approvedBy: 'bob' }
/** What the vault would tell, if it were asked. */
const plainOf = (destination: string, field: string, ordinal: number): string => `MARK-plain ${destination} ${field} ${ordinal}`

const cases: fc.Arbitrary<Case> = fc.record({
  basis: fc.constantFrom('opt-in', 'opt-out', 'opt-out', 'not-needed'),
  readsGpc: fc.boolean(),
  gpc: fc.boolean(),
  collected: fc.boolean(),
  coarse: fc.boolean(),
  clear: fc.array(fc.record({ field: fc.constantFrom(...CLEAR), is: fc.constantFrom('agreed', 'agreed', 'over', 'proposed', 'alone') }), {
    maxLength: 3,
  }),
  grants: fc.subarray(GRANTABLE),
  expired: fc.subarray(GRANTABLE),
  events: fc.subarray(EVENTS),
  properties: fc.subarray(KEYS),
})

function policyOf({ grants, expired, events, properties, basis, readsGpc, coarse, clear }: Case): Policy {
  const clearGrants = clear.map(({ field, is }): Grant => {
    const approval = is === 'proposed' ? {} : { approval: is === 'alone' ? { ...AGREED, approvedBy: 'ann' } : AGREED }
    return { field, form: 'clear', purpose: 'analytics', until: is === 'over' ? NOW : UNTIL, rule: field, ...approval }
  })
  const grant = (field: string, until: number | null): Grant => ({
    field: field as Field,
    form: field.endsWith('_id') ? 'pseudonym' : field === 'event' || (field === 'property.*' && !coarse) ? 'clear' : 'coarse',
    purpose: 'analytics',
    until,
    rule: field,
  })
  return {
    store: { events: EVENTS, properties: KEYS, paths: ['/pricing'], referrers: [] },
    consent: { asOf: '', optIn: [], gpcBinds: [], unknownCountry: 'opt-out', categories: [] },
    destinations: DESTINATIONS.map((destination) => ({
      vendor: 'v',
      destination,
      protocol: 'mixpanel',
      events,
      properties,
      consent: [{ purpose: 'analytics', basis, gpc: readsGpc ? 'everywhere' : 'ignored', dnt: 'ignored', reason: '' }],
      // The other destination has none of them.
      grants: [
        ...(destination === 'd' ? clearGrants : []),
        ...['event', 'time', ...grants].map((field) => grant(field, null)),
        ...expired.map((field) => grant(field, NOW - 1)),
      ],
    })),
  }
}

/** Text that nobody approved: each with a mark that must not be found anywhere. */
const marked = fc.integer({ min: 1 }).map((number) => `ünapproved-MARK${number} Ann O'Neil`)
const leaf = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -9999, max: 9999 }),
  fc.boolean(),
  fc.constant(null),
  marked,
)
const nested = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(marked, fc.constantFrom(...KEYS)), tie('value'), { maxKeys: 3 }),
  ),
})).value
const properties = fc.dictionary(fc.oneof(fc.constantFrom(...KEYS), marked), nested, { maxKeys: 6 })
const context = fc.record(
  {
    $os: fc.constantFrom('Linux', 'Windows'),
    $browser: fc.constantFrom('Chrome', 'MARK-Browser'),
    $browser_version: fc.constant(131),
    $referrer: marked.map((text) => `https://search.example/?q=${encodeURIComponent(text)}`),
    $current_url: marked.map((text) => `https://app.example/${encodeURIComponent(text)}/pricing?email=MARK@example.com`),
    $screen_width: fc.constant(800),
    mp_country_code: fc.constantFrom('DE', 'MARK'),
    $email: fc.constant('MARK@example.com'),
    $name: fc.constant('MARK Name'),
    Phone: fc.constant('MARK +49 30 1234567'),
    $device_id: fc.constant('MARK-device'),
    $user_id: fc.constant('MARK-user'),
    company: fc.constantFrom<unknown>('MARK-acme', ['MARK-acme', 'MARK-beta']),
    utm_source: marked,
    gclid: marked,
  },
  { requiredKeys: [] },
)
const event = fc.record({ name: fc.oneof(fc.constantFrom(...EVENTS, ...RESERVED), marked), properties, context }).map((parts) => ({
  route: 'track',
  record: {
    event: parts.name,
    properties: {
      ...parts.properties,
      ...parts.context,
      token: 'T',
      distinct_id: 'MARK-user',
      time: NOW / 1000,
      alias: 'MARK-alias',
      $anon_distinct_id: 'MARK-anon',
    },
  },
}))
const profile = fc
  .record({ operation: fc.constantFrom(...OPERATIONS), values: properties, context })
  .map(({ operation, values, context: around }) => ({
    route: 'engage',
    record: {
      $token: 'T',
      $distinct_id: 'MARK-user',
      $ip: '203.0.113.7',
      [operation]: operation === '$unset' ? Object.keys(values) : operation === '$delete' ? '' : { ...values, ...around },
    },
  }))
const group = fc.record({ key: fc.constantFrom('company', 'MARK-key'), values: properties }).map(({ key, values }) => ({
  route: 'groups',
  record: { $token: 'T', $group_key: key, $group_id: 'MARK-acme', $set: { ...values, $name: 'MARK Ltd' } },
}))

test('every key and value of an encoded request is explained by a grant', async () => {
  const protocol = protocols.get('mixpanel')
  assert.ok(protocol)
  let encoded = 0
  await fc.assert(
    fc.asyncProperty(cases, fc.array(fc.oneof(event, profile, group), { minLength: 1, maxLength: 8 }), async (policyCase, records) => {
      const policy = policyOf(policyCase)
      const split = createSplit({
        policy: compilePolicy(policy),
        placeOf: () => ({ country: 'IN', region: 'Karnataka', city: 'Bengaluru' }),
      })
      const placed: { record: LogRecord; seq: number; index: number; policy: number; surface: string }[] = []
      for (const [at, { route, record }] of records.entries()) {
        const ingestRoute = protocol.ingest.route(`/${route}`)
        assert.ok(ingestRoute)
        const decoded = protocol.ingest.decode({
          route: ingestRoute,
          method: 'POST',
          query: new URLSearchParams(),
          body: Buffer.from(JSON.stringify([record])),
          basicUser: undefined,
          gunzip: () => undefined,
        })
        const draft = split(decoded.records, {
          receivedAt: NOW,
          source: policyCase.collected ? { ...SOURCE, consent: 'collected' } : SOURCE,
          clientAddress: undefined,
          userAgent: undefined,
          consent: policyCase.gpc ? { gpc: true } : {},
        })
        // Indexes stand for ordinals here; any positive numbers will do.
        for (const [index, one] of draft.records.entries())
          placed.push({ record: withOrdinals(one), seq: at + 1, index, policy: 1, surface: 'site' })
      }
      const plan = await planFor('d', policy, placed)
      assertNoneOf(plan, await planFor('another', policy, placed))
      for (const { request, route } of plan.requests) {
        const text = withoutAgreed(request.body.toString('utf8'), policyCase)
        // Text under a key that was approved is approved; all other text must be gone, keys included.
        const rest = JSON.stringify(JSON.parse(text), (key, value) => (policyCase.properties.includes(key) ? undefined : value))
        assert.equal(/MARK|Neil|203\.0\.113/.test(rest), false, `unapproved text in ${rest}`)
        for (const one of JSON.parse(text) as Record<string, unknown>[]) {
          encoded++
          explain(one, policyCase, route)
          if (!hasConsent(policyCase)) assert.ok('$delete' in one, 'without consent nothing but a deletion leaves')
        }
      }
    }),
    { numRuns: 4000 },
  )
  assert.ok(plain > 300, `${plain} values left in the clear under agreed grants`)
  assert.ok(encoded > 1500, `the property was tried on ${encoded} encoded records`)
})

function planFor(destination: string, policy: Policy, placed: readonly PlacedRecord[]): Promise<Plan> {
  const protocol = protocols.get('mixpanel')
  const decider = destinationDecider({ version: 1, appliedAt: NOW, policy }, destination)
  assert.ok(decider !== undefined && protocol !== undefined)
  return planRequests(placed, {
    destination,
    decider,
    at: NOW,
    epoch: 1,
    protocol: protocol.egress,
    vault: testVault(),
    clear: async (_policy, asked) => {
      for (const { field } of asked) assert.ok(grantsInClear(policy, destination, field), `the vault was asked for ${field}`)
      return asked.map(({ field, ordinals }) =>
        // Of some nothing is known.
        ordinals.map((ordinal) => (ordinal % 5 === 0 ? null : plainOf(destination, field, ordinal))),
      )
    },
    context: { url: 'https://vendor.example', token: 'PROJECT', credentials: { kind: 'secret', secret: 'sss' } },
  })
}

function grantsInClear(policy: Policy, destination: string, field: string): boolean {
  const grants = policy.destinations.find((each) => each.destination === destination)?.grants ?? []
  return grants.some((each) => each.field === field && each.form === 'clear' && each.until === UNTIL && each.approval === AGREED)
}

/** Takes plain values away that stand in their place under an agreed grant, with consent; any other is found by the search. */
function withoutAgreed(body: string, policyCase: Case): string {
  const agreed = policyCase.clear.filter(({ is }) => is === 'agreed').map(({ field }) => field)
  if (!hasConsent(policyCase)) return body
  return JSON.stringify(
    JSON.parse(body, (key, value) => {
      const field = agreed.find((name) => CLEAR_KEYS[name] === key)
      if (field === undefined || typeof value !== 'string' || !value.startsWith(`MARK-plain d ${field} `)) return value
      plain++
      return undefined
    }),
  )
}

let plain = 0

/** Law 6: what one destination gets of a person, device, group or record is nowhere in what another gets, in whatever place. */
function assertNoneOf(mine: Plan, other: Plan): void {
  const identifiers = ({ requests }: Plan): string[] =>
    requests.flatMap(
      ({ request }) => request.body.toString('utf8').match(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g) ?? [],
    )
  const theirs = new Set(identifiers(other))
  assert.equal(theirs.size > 0, other.requests.length > 0, 'every request carries identifiers')
  for (const identifier of identifiers(mine)) assert.ok(!theirs.has(identifier), `${identifier} went to both`)
}

function withOrdinals(record: LogRecord): LogRecord {
  const up = (index: number | undefined): number | undefined => (index === undefined ? undefined : index + 1)
  const { user, device, ...rest } = record
  return {
    ...rest,
    ...(user === undefined ? {} : { user: up(user) as number }),
    ...(device === undefined ? {} : { device: up(device) as number }),
    ...(record.linked === undefined ? {} : { linked: record.linked.map((each) => ({ ...each, ordinal: each.ordinal + 1 })) }),
    ...(record.groups === undefined ? {} : { groups: record.groups.map((each) => ({ ...each, ordinal: each.ordinal + 1 })) }),
  }
}

function hasConsent({ basis, readsGpc, gpc, collected }: Case): boolean {
  return basis === 'not-needed' || (!(readsGpc && gpc) && (basis === 'opt-out' || collected))
}

/** 0, or one digit of 1, 2, 5 before zeros. */
function isBucket(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isBucket)
  if (typeof value === 'number') return value === 0 || /^-?[125](?:e[+-]\d+)$/.test(value.toExponential())
  return typeof value === 'boolean' || value === '*'
}

/** The oracle. */
function explain(
  record: Record<string, unknown>,
  { grants: stated, events, properties: approved, coarse, clear }: Case,
  route: string,
): void {
  // Who may have the plain identifier may have the pseudonym, which stays what the vendor knows people by.
  const grants = [...stated, ...clear.filter(({ is }) => is === 'agreed').map(({ field }) => field as string)]
  const isGranted = (key: string, value: unknown): boolean => {
    const field = GRANTABLE.find((name) => grants.includes(name) && KEYS_OF[name]?.includes(key))
    if (field === undefined) return false
    if (key === '$group_key') return value === 'company'
    if (field.endsWith('_id')) return [value].flat().every((id) => typeof id === 'string' && UUID.test(id))
    return typeof value === 'number' || (typeof value === 'string' && value.length < 40)
  }
  const isProperty = (key: string): boolean => grants.includes('property.*') && KEYS.includes(key) && approved.includes(key)
  const check = (values: Record<string, unknown>): void => {
    for (const [key, value] of Object.entries(values)) {
      if (ALWAYS.includes(key)) continue
      if (isProperty(key)) {
        assert.ok(!coarse || isBucket(value), `${route}: ${key} = ${JSON.stringify(value)} is not coarse`)
        continue
      }
      assert.ok(isGranted(key, value), `${route}: ${key} = ${JSON.stringify(value)} has no grant in ${JSON.stringify(grants)}`)
    }
  }
  const { event: name, properties: values, ...rest } = record
  if (name !== undefined) {
    assert.ok(RESERVED.includes(name as string) || events.includes(name as string), `event ${String(name)} is not approved`)
    assert.equal((values as { ip?: unknown }).ip, 0, 'the address switch is set')
    check(values as Record<string, unknown>)
  }
  for (const [key, value] of Object.entries(rest)) {
    if (key === '$unset') for (const name of value as string[]) assert.ok(isProperty(name), `${name} is unset but not granted`)
    else if (key === '$delete' || ALWAYS.includes(key)) continue
    else if (OPERATIONS.includes(key)) check(value as Record<string, unknown>)
    else assert.ok(isGranted(key, value), `${route}: ${key} has no grant`)
  }
  for (const id of [(values as Record<string, unknown> | undefined)?.distinct_id, record.$distinct_id]) {
    if (id !== undefined && id !== '') assert.match(String(id), UUID)
  }
}
