/** Steps of a story about clocks and notices: what counsel marks, and what is sent to whom. */
import { Type } from 'typebox'
import { closed, Count, Flag, Id, Instant, optional, Role, step, Text } from './story-words.ts'

const Word = Type.String({ pattern: '^[A-Za-z][A-Za-z0-9.-]{0,59}$', description: 'a name of letters, digits, dots and hyphens' })

export const NOTICE_STEPS = {
  clock: step('clock', {
    incident: Id,
    /** One of these four. */
    mark: optional(Word),
    assess: optional(Word),
    done: optional(Word),
    signOff: optional(Text),
    /** Of a mark or of what was done; the step's own instant when absent. */
    happened: optional(Instant),
    /** Of an assessment; with one rule of the regime, or all of them. */
    applies: optional(Flag),
    rule: optional(Word),
    reason: Text,
  }),
  notify: step('notify', {
    incident: Id,
    lang: optional(Type.Enum(['auto', 'en', 'hi'], { description: 'auto (default), en or hi' })),
    /** In order: when the mail server has taken so many mails of this step, and before it has said so, the process is killed. */
    kills: optional(
      Type.Array(
        Type.Object(
          {
            role: Role,
            after: Type.Integer({ minimum: 1, maximum: 100_000, description: 'mails taken so far, at least 1' }),
            /** There may be fewer mails; else a kill that does not come is a failure. */
            mayNotCome: optional(Flag),
          },
          closed,
        ),
        { minItems: 1, maxItems: 20, description: 'a list of {role, after}' },
      ),
    ),
  }),
} as const

/** Parts of `expect` that are about an incident's clocks and notices. */
export const NOTICE_EXPECTATIONS = {
  clocks: optional(
    Type.Array(
      Type.Object(
        {
          regime: Word,
          to: optional(Text),
          rule: optional(Word),
          /** Counted from a first warning, or from what the vendor knew; the clock itself when absent. */
          basis: optional(Type.Enum(['clock', 'first-warning', 'vendor'], { description: 'clock (default), first-warning or vendor' })),
          dueAt: optional(Type.Union([Instant, Type.Null()])),
          state: optional(Type.String({ pattern: '^[a-z_]{3,40}$', description: 'a state as in docs/clocks.md' })),
          why: optional(Text),
        },
        { ...closed, description: 'regime, to or rule, and dueAt, state or both' },
      ),
      { minItems: 1, description: 'a list of {regime, to, dueAt, state}' },
    ),
  ),
  notified: optional(
    Type.Object(
      {
        people: Type.Array(Id, { description: 'groups of whom everybody with an address to trust was notified, once' }),
        organisations: optional(Count),
        nobodyElse: optional(Flag),
      },
      { ...closed, description: 'people, organisations, nobodyElse' },
    ),
  ),
} as const

/** What the company says of itself, for the clocks that depend on it and for the zone of its notices. */
export const Company = Type.Object(
  {
    establishedIn: optional(
      Type.Array(Type.String({ pattern: '^[A-Z]{2}$', description: 'an ISO 3166-1 code' }), { description: 'a list of countries' }),
    ),
    sectors: optional(Type.Array(Word, { description: 'a list of sectors, as in docs/clocks.md' })),
    roles: optional(Type.Array(Word, { description: 'a list of roles, as in docs/clocks.md' })),
    zone: optional(Type.String({ pattern: '^[A-Za-z]+(/[A-Za-z_+-]+)*$', description: 'a zone, as Asia/Kolkata' })),
    language: optional(Type.Enum(['en', 'hi'], { description: 'en (default) or hi' })),
  },
  { ...closed, description: 'establishedIn, sectors, roles, zone, language' },
)
