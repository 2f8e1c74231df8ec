/**
 * The shape of `bulkhead.yaml`, as JSON Schema. Published for editors at `docs/schemas/bulkhead.yaml.schema.json`; the
 * `description` of each part is what an error says was expected, so it reads as "expected DESCRIPTION".
 */
import { type Static, Type } from 'typebox'
import { APPROVALS_DEFAULTS, DISK_DEFAULTS, PLACE_DETAILS, VENDOR_KINDS } from '#model/config.ts'
import { FORMS } from '#model/field.ts'
import { CONSENT_BASES, SIGNAL_USES } from '#model/policy.ts'
import { ClocksSchema } from './config-clocks.ts'
import { LedgerSchema } from './config-ledger.ts'
import { NoticesSchema } from './config-notices.ts'
import { type FlowLimits, defaultLimits, NETWORK_BITS } from '#model/source-limits.ts'

/** Group keys of a source that names none: what product analytics commonly calls an organisation. */
export const GROUP_KEYS_DEFAULT: readonly string[] = [
  'company',
  'company_id',
  'organization',
  'organization_id',
  'org_id',
  'account_id',
  'team_id',
  'workspace_id',
  'tenant_id',
]

const closed = { additionalProperties: false } as const

const Id = (whose: string) =>
  Type.String({
    pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
    description: `an id of the ${whose}: 1 to 64 letters, digits, ".", "_" or "-", beginning with a letter or digit`,
  })

const Text = (description: string) => Type.String({ minLength: 1, maxLength: 2048, description })

const SecretText = (description: string) => Type.String({ minLength: 1, maxLength: 8192, description, writeOnly: true })

const Approved = (what: string) =>
  Type.Object(
    {
      approved: Type.Array(Type.String({ minLength: 1, maxLength: 255, description: `${what} as text` }), {
        description: `a list of ${what}`,
        default: [],
      }),
    },
    { ...closed, description: `approved: [...] with ${what}` },
  )

const GrantSchema = Type.Object(
  {
    field: Text('a field by meaning (country, user_id, …), property.KEY, or property.*'),
    form: Type.Enum([...FORMS], { description: `one of ${FORMS.join(', ')}` }),
    purpose: Text('what the vendor needs it for'),
    until: Type.Optional(Text('a day or an instant with zone, for example 2027-01-31 or 2027-01-31T00:00:00Z')),
    reason: Type.Optional(Text('why this was granted')),
  },
  { ...closed, description: 'a grant: {field, form, purpose, until?, reason?}' },
)

const Signal = (name: string, standard: string) =>
  Type.Optional(Type.Enum([...SIGNAL_USES], { description: `one of ${SIGNAL_USES.join(', ')}: where ${name} is a refusal (${standard})` }))

const consentRule = (gpcAndDnt: string, basis: string) => ({
  purpose: Type.Optional(Text('a purpose that a grant has')),
  basis: Type.Optional(Type.Enum([...CONSENT_BASES], { description: `one of ${CONSENT_BASES.join(', ')} (${basis} when left out)` })),
  gpc: Signal('Sec-GPC', `${gpcAndDnt} when left out`),
  dnt: Signal('DNT', `${gpcAndDnt} when left out`),
  reason: Type.Optional(Text('why, needed with not-needed')),
})

const Silence = (what: string) => Type.Enum(['opt-in', 'opt-out'], { description: `opt-in or opt-out: what silence means ${what}` })

const ConsentSchema = Type.Object(
  {
    countries: Type.Optional(
      Type.Record(Type.String(), Silence('in that country'), { description: 'countries by code, for example { CA: opt-in }' }),
    ),
    unknownCountry: Type.Optional(Silence('where the country is not known (opt-out when left out)')),
    categories: Type.Optional(
      Type.Record(Type.String(), Text('a purpose that a grant or the own store has'), {
        description: 'categories of consent objects to purposes, for example { Analytics: product analytics }',
      }),
    ),
  },
  { ...closed, description: 'consent: {countries?, unknownCountry?, categories?}' },
)

const CredentialsSchema = Type.Object(
  {
    secret: Type.Optional(SecretText('the project secret as text')),
    serviceAccount: Type.Optional(
      Type.Object(
        {
          user: Text('the name of the service account'),
          secret: SecretText('the secret of the service account as text'),
          projectId: Text('the project id as text'),
        },
        { ...closed, description: 'serviceAccount: {user, secret, projectId}' },
      ),
    ),
  },
  { ...closed, minProperties: 1, maxProperties: 1, description: 'either secret or serviceAccount: {user, secret, projectId}' },
)

/** What a destination may get. */
const flow = {
  grants: Type.Optional(
    Type.Array(GrantSchema, { description: 'a list of grants; left out = the preset "analytics", [] = nothing leaves' }),
  ),
  events: Type.Optional(Approved('event names')),
  properties: Type.Optional(Approved('property keys')),
  consent: Type.Optional(
    Type.Array(
      Type.Object(consentRule('everywhere', 'by-country'), { ...closed, description: 'a rule: {purpose?, basis?, gpc?, dnt?, reason?}' }),
      { description: 'a list of rules of consent, at most one a purpose and one without' },
    ),
  ),
}

const DestinationSchema = Type.Object(
  {
    id: Id('destination'),
    protocol: Text('the name of a protocol'),
    url: Text('an https:// address without user, query or fragment (http:// only on this machine)'),
    token: Text('the public project token as text'),
    credentials: CredentialsSchema,
    deletionToken: Type.Optional(SecretText('the token for deletion calls as text')),
    deletionDays: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 365, description: 'within how many days (1 to 365) the vendor has promised to delete' }),
    ),
    ...flow,
  },
  { ...closed, description: 'a destination: {id, protocol, url, token, credentials, …}' },
)

const VendorSchema = Type.Object(
  {
    id: Id('vendor'),
    name: Type.Optional(Text('the name of the company')),
    kind: Type.Optional(Type.Enum([...VENDOR_KINDS], { description: `one of ${VENDOR_KINDS.join(', ')}` })),
    destinations: Type.Array(DestinationSchema, { minItems: 1, description: 'a list of at least one destination' }),
  },
  { ...closed, description: 'a vendor: {id, name?, kind?, destinations}' },
)

const COUNT_MAX = 1e15

const Count = (what: string) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: COUNT_MAX, description: `${what}, a whole number from 1` }))

const flowLimits = {
  requestsPerSecond: Count('requests a second'),
  eventsPerSecond: Count('events a second'),
  bytesPerSecond: Count('bytes of unpacked bodies a second'),
  newIdsPerHour: Count('ids never seen before that may come at once'),
  newIdsPerDay: Count('ids never seen before a day'),
} satisfies Record<keyof FlowLimits, unknown>

const FLOW_KEYS = Object.keys(flowLimits).join('?, ')

const LimitsSchema = Type.Object(
  {
    ...flowLimits,
    diskBytesPerDay: Count('bytes of disk a day'),
    network: Type.Optional(
      Type.Object(flowLimits, {
        ...closed,
        description: `network: {${FLOW_KEYS}?}, what one network may bring`,
        default: defaultLimits('browser').network,
      }),
    ),
  },
  { ...closed, description: `limits: {${FLOW_KEYS}?, diskBytesPerDay?, network?}` },
)

const SourceSchema = Type.Object(
  {
    id: Id('source'),
    protocol: Text('the name of a protocol'),
    token: Text('the public token that the SDK sends, as text'),
    trust: Type.Optional(
      Type.Enum(['browser', 'server'], {
        description: 'browser (the token ships to clients) or server (it never does)',
        default: 'browser',
      }),
    ),
    namespace: Type.Optional(Type.String({ ...Id('namespace'), default: 'default' })),
    surface: Type.Optional(Id('app or page group')),
    groupKeys: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 255, description: 'a property key as text' }), {
        description: 'a list of property keys that name groups (organisations)',
        default: [...GROUP_KEYS_DEFAULT],
      }),
    ),
    limits: Type.Optional(LimitsSchema),
    consent: Type.Optional(
      Type.Enum(['unstated', 'collected'], {
        description: 'collected (it sends only what people have agreed to) or unstated',
        default: 'unstated',
      }),
    ),
    consentKey: Type.Optional(
      Type.String({ minLength: 1, maxLength: 255, description: 'the key of a property that holds a consent object, as text' }),
    ),
  },
  { ...closed, description: 'a source: {id, protocol, token, trust?, namespace?, surface?, groupKeys?, limits?, consent?, consentKey?}' },
)

const GatewaySchema = Type.Object(
  {
    tls: Type.Optional(
      Type.Object(
        { cert: Text('the path of a PEM file with the certificate chain'), key: Text('the path of a PEM file with the private key') },
        { ...closed, description: 'tls: {cert, key}' },
      ),
    ),
    trustProxy: Type.Optional(
      Type.Array(Text('an address or a CIDR range, for example 10.0.0.0/8'), {
        description: 'a list of addresses or CIDR ranges of proxies whose X-Forwarded-For counts',
      }),
    ),
    networks: Type.Optional(
      Type.Object(
        {
          ipv4: Type.Integer({ minimum: 8, maximum: 32, description: 'a prefix length from 8 to 32', default: NETWORK_BITS.ipv4 }),
          ipv6: Type.Integer({ minimum: 16, maximum: 64, description: 'a prefix length from 16 to 64', default: NETWORK_BITS.ipv6 }),
        },
        { ...closed, description: 'networks: {ipv4, ipv6}, the prefix lengths of what counts as one network' },
      ),
    ),
    connectionsPerNetwork: Count('open connections from one network'),
    places: Type.Optional(
      Type.Enum([...PLACE_DETAILS], { description: 'country, region or city: how exactly the place of an address is kept' }),
    ),
  },
  { ...closed, description: 'gateway: {tls?, trustProxy?, networks?, connectionsPerNetwork?, places?}' },
)

const StoreSchema = Type.Object(
  {
    events: Type.Optional(Approved('event names')),
    properties: Type.Optional(Approved('property keys')),
    paths: Type.Optional(Approved('path segments')),
    referrers: Type.Optional(Approved('registrable domains')),
    consent: Type.Optional(
      Type.Object(consentRule('ignored', 'opt-out'), { ...closed, description: 'consent: {purpose?, basis?, gpc?, dnt?, reason?}' }),
    ),
  },
  { ...closed, description: 'store: {events?, properties?, paths?, referrers?}, each {approved: [...]}, and consent?' },
)

const Bytes = (what: string, standard: number, minimum: number) =>
  Type.Integer({ minimum, maximum: 2 ** 50, description: `${what}, in bytes (at least ${minimum})`, default: standard })

const DiskSchema = Type.Object(
  {
    freeBytesMin: Type.Optional(Bytes('free space below which nothing is accepted', DISK_DEFAULTS.freeBytesMin, 0)),
    freeShareMin: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 0.9,
        description: 'the share of the disk, 0 to 0.9, below which nothing is accepted when it is more than freeBytesMin',
        default: DISK_DEFAULTS.freeShareMin,
      }),
    ),
    reserveBytes: Type.Optional(
      Bytes('space that each process sets aside for cuts, outcomes and looks', DISK_DEFAULTS.reserveBytes, 1024 ** 2),
    ),
    folderBytesMax: Type.Optional(Bytes('the size of a log folder', DISK_DEFAULTS.folderBytesMax, 1024 ** 2)),
    logBytesMax: Type.Optional(Bytes('the size of the log at which nothing more is accepted', DISK_DEFAULTS.logBytesMax, 4 * 1024 ** 2)),
    holdBytesMax: Type.Optional(Bytes('how much of the log a vendor that is behind may keep', DISK_DEFAULTS.holdBytesMax, 0)),
    holdHoursMax: Type.Optional(
      Type.Number({
        minimum: 1,
        maximum: 24 * 365,
        description: 'for how many hours (1 to 8760) a vendor that is behind may keep the log',
        default: DISK_DEFAULTS.holdHoursMax,
      }),
    ),
  },
  { ...closed, description: 'disk: {freeBytesMin?, freeShareMin?, reserveBytes?, folderBytesMax?, logBytesMax?, holdBytesMax?, …}' },
)

const ApprovalsSchema = Type.Object(
  {
    singleOperatorDelayHours: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 24 * 30,
        description: 'for how many hours (0 to 720) what needs a second person waits when there is none, or only a new one',
        default: APPROVALS_DEFAULTS.singleOperatorDelayHours,
      }),
    ),
    clearDaysMax: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: APPROVALS_DEFAULTS.clearDaysMax,
        description: 'for how many days (1 to 400) an identity field may be granted in the clear',
        default: APPROVALS_DEFAULTS.clearDaysMax,
      }),
    ),
  },
  { ...closed, description: 'approvals: {singleOperatorDelayHours?, clearDaysMax?}' },
)

const KeysSchema = Type.Object(
  {
    transit: Type.Object(
      {
        url: Text('the https:// address of the key service (http:// only on this machine)'),
        key: Id('key'),
        mount: Type.Optional(Type.String({ ...Id('mount of the Transit engine'), default: 'transit' })),
        namespace: Type.Optional(Text('a namespace of the key service')),
        token: Type.Optional(SecretText('the token as text')),
        tokenFile: Type.Optional(Text('the path of a file with the token')),
        ca: Type.Optional(Text('the path of a PEM file with the certificate authority of the key service')),
      },
      { ...closed, description: 'transit: {url, key, mount?, namespace?, token or tokenFile, ca?}' },
    ),
  },
  { ...closed, description: 'keys: {transit: {…}}, what wraps the root key; left out, a file in the key folder does' },
)

export const ConfigSchema = Type.Object(
  {
    sources: Type.Array(SourceSchema, { minItems: 1, description: 'a list of at least one source' }),
    vendors: Type.Optional(Type.Array(VendorSchema, { description: 'a list of vendors' })),
    gateway: Type.Optional(GatewaySchema),
    store: Type.Optional(StoreSchema),
    disk: Type.Optional(DiskSchema),
    approvals: Type.Optional(ApprovalsSchema),
    keys: Type.Optional(KeysSchema),
    consent: Type.Optional(ConsentSchema),
    ledger: Type.Optional(LedgerSchema),
    clocks: Type.Optional(ClocksSchema),
    notices: Type.Optional(NoticesSchema),
  },
  {
    ...closed,
    title: 'bulkhead.yaml',
    description: 'a mapping with sources, and perhaps vendors, gateway, store, disk, consent, ledger, clocks, notices',
  },
)

export type ConfigFile = Static<typeof ConfigSchema>

/** A policy by itself: what `bulkhead policy show --yaml` prints. What it does not name stays as it is. */
export const PolicyFileSchema = Type.Object(
  {
    destinations: Type.Optional(
      Type.Array(
        Type.Object(
          { id: Id('destination'), ...flow },
          { ...closed, description: 'a destination: {id, grants?, events?, properties?, consent?}' },
        ),
        { description: 'a list of destinations: {id, grants?, events?, properties?, consent?}' },
      ),
    ),
    store: Type.Optional(StoreSchema),
  },
  {
    ...closed,
    minProperties: 1,
    title: 'policy file',
    description: 'a policy: a mapping with destinations, store, or both; or a whole bulkhead.yaml',
  },
)

export type PolicyFile = Static<typeof PolicyFileSchema>

/** Text of the published schema. */
export function configSchemaText(): string {
  return `${JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', ...ConfigSchema }, null, 2)}\n`
}
