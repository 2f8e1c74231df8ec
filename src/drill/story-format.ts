/**
 * The format of a story (docs/stories.md): people, sources and vendors of an invented company, and what happens to them,
 * with dates. A story is data; whoever writes one needs no code.
 */
import { type Static, Type } from 'typebox'
import { Company, NOTICE_EXPECTATIONS, NOTICE_STEPS } from './story-notice-format.ts'
import { closed, Count, Flag, Id, Instant, optional, Role, step, Text } from './story-words.ts'

const People = Type.Object(
  {
    id: Id,
    count: Type.Integer({ minimum: 1, maximum: 5000, description: 'how many people, 1 to 5000' }),
    directory: optional(Type.Boolean({ description: "false: not in the company's user table, so there is no address to trust" })),
    country: optional(Type.String({ pattern: '^[A-Z]{2}$', description: 'ISO 3166-1 code in the user table' })),
    region: optional(Type.String({ pattern: '^[A-Z]{2}$', description: 'a state of the United States in the user table, as CA' })),
    language: optional(Type.Enum(['en', 'hi'], { description: 'en or hi, in the user table' })),
    /** The first of each organisation is its administrator. */
    administrators: optional(Flag),
    organisations: optional(Type.Integer({ minimum: 1, maximum: 500, description: 'over how many organisations they are spread' })),
  },
  closed,
)

const Source = Type.Object(
  {
    id: Id,
    trust: optional(Type.Enum(['server', 'browser'], { description: 'server (default) or browser' })),
    surface: optional(Type.String({ pattern: '^[a-z][a-z0-9-]{0,39}$', description: 'the app or part of it; default: the id' })),
  },
  closed,
)

const Vendor = Type.Object(
  {
    id: Id,
    grants: optional(Type.Array(Type.Any(), { description: 'grants as in bulkhead.yaml; default: the preset analytics' })),
  },
  closed,
)

const Claims = {
  says: Type.Enum(['affected', 'not-affected', 'unknown', 'corrected'], { description: 'affected, not-affected, unknown or corrected' }),
  text: Text,
  received: optional(Instant),
}

export const STEPS = {
  send: step('send', {
    people: Id,
    source: Id,
    events: optional(Type.Integer({ minimum: 1, maximum: 200, description: 'events of each of them, 1 to 200; default 2' })),
    profile: optional(Flag),
    /** Do not wait until it is at the vendors. */
    waits: optional(Flag),
  }),
  kill: step('kill', { role: Role }),
  vendorAnswers: step('vendor-answers', {
    vendor: Id,
    status: Type.Integer({ minimum: 200, maximum: 599, description: 'HTTP status for every request; 200: as it should' }),
  }),
  cut: step('cut', { vendor: Id, reason: optional(Text) }),
  restore: step('restore', { vendor: Id, reason: optional(Text) }),
  retire: step('retire', { vendor: Id, reason: optional(Text) }),
  rotate: step('rotate', { vendor: Id, reason: optional(Text) }),
  erase: step('erase', {
    people: Id,
    count: Type.Integer({ minimum: 1, maximum: 100, description: 'how many of them' }),
    /** True where a hold keeps them for now, as an open incident does. */
    waits: optional(Flag),
  }),
  baseline: step('baseline', { vendor: Id, is: Type.Enum(['unknown', 'none'], { description: 'unknown or none' }) }),
  steal: step('steal', {
    vendor: Id,
    as: Id,
    format: optional(Type.Enum(['ndjson', 'csv', 'json'], { description: 'ndjson (default), csv or json' })),
    gzip: optional(Flag),
    /** Rows of people who are nobody's here, mixed in. */
    foreign: optional(Count),
    /** Rows with nothing but mail addresses of people of ours, from elsewhere. */
    emails: optional(Type.Object({ people: Id, count: Count }, closed)),
    until: optional(Instant),
  }),
  open: step('open', {
    as: Id,
    vendor: Id,
    title: optional(Text),
    from: optional(Type.Enum(['vendor', 'signal', 'press', 'person', 'us'], { description: 'vendor, signal, press, person or us' })),
    told: Instant,
    aware: optional(Instant),
    vendorAware: optional(Instant),
    accessFrom: optional(Instant),
    accessTo: optional(Instant),
    surfaces: optional(Type.Array(Id, { description: 'only these surfaces' })),
  }),
  statement: step('statement', { incident: Id, ...Claims }),
  amend: step('amend', {
    incident: Id,
    surfaces: optional(Type.Array(Id, { description: 'surfaces that the scope has from now on as well' })),
    accessTo: optional(Instant),
    accessFrom: optional(Instant),
    reason: Text,
  }),
  match: step('match', { incident: Id, file: Id, expect: optional(Type.Record(Type.String(), Type.Any())) }),
  report: step('report', {
    incident: Id,
    for: Type.Enum(['regulator', 'board', 'auditor'], { description: 'regulator, board or auditor' }),
  }),
  close: step('close', { incident: Id, reason: Text }),
  expect: step('expect', {
    incident: optional(Id),
    vendor: optional(Id),
    /** People in scope; recall and precision over `delivered` have to be 1 in any case. */
    people: optional(Count),
    /** People whom the last amendment added. */
    added: optional(Count),
    withoutAddress: optional(Count),
    erased: optional(Count),
    upperBound: optional(Flag),
    sent: optional(Type.Array(Type.String(), { description: 'fields that have to be among those sent' })),
    notSent: optional(Type.Array(Type.String(), { description: 'fields that must not be among those sent' })),
    statements: optional(Count),
    /** Own analytics hold at least so many events. */
    ownEvents: optional(Count),
    /** Of a retired vendor. */
    state: optional(Type.Enum(['open', 'cut', 'retired'], { description: 'open, cut or retired' })),
    ...NOTICE_EXPECTATIONS,
  }),
  ...NOTICE_STEPS,
} as const

export type Step = { [Name in keyof typeof STEPS]: Static<(typeof STEPS)[Name]> }[keyof typeof STEPS]

/** By its `do`, so that a complaint is about the kind of step that was meant. */
const OneStep = Type.Unsafe<Step>({
  type: 'object',
  description: `a step: at, do (${Object.values(STEPS)
    .map((schema) => schema.properties.do.enum[0])
    .join(', ')}) and what belongs to it`,
  discriminator: { propertyName: 'do' },
  required: ['do'],
  oneOf: Object.values(STEPS),
})

export const StorySchema = Type.Object(
  {
    story: Id,
    about: Text,
    company: optional(Company),
    sources: Type.Array(Source, { minItems: 1, description: 'where events come from' }),
    vendors: Type.Array(Vendor, { minItems: 1, description: 'to whom they are sent' }),
    people: Type.Array(People, { minItems: 1, description: 'groups of people' }),
    steps: Type.Array(OneStep, { minItems: 1, description: 'what happens, in order of time' }),
  },
  { ...closed, title: 'A story for bulkhead drill --story' },
)

export type StoryFile = Static<typeof StorySchema>
export type StepOf<Name extends Step['do']> = Extract<Step, { do: Name }>
export type PeopleGroup = StoryFile['people'][number]
