/** Steps of a story about clocks and notices: what counsel marks, what is sent to whom, and what a check says of a forger's mail. */
import { Type } from 'typebox'
import { closed, Count, Flag, Id, Instant, optional, Role, step, Text } from './story-words.ts'

const Host = Type.String({
  pattern: '^(xn--)?[a-z0-9][a-z0-9.-]{0,99}\\.[a-z]{2,20}$',
  description: 'a host name, as company-notice.example',
})
const Several = Type.Integer({ minimum: 1, maximum: 5000, description: 'how many of them, at least 1' })
const Word = Type.String({ pattern: '^[A-Za-z][A-Za-z0-9.-]{0,59}$', description: 'a name of letters, digits, dots and hyphens' })

export const VERDICTS = ['genuine', 'altered', 'not_ours', 'cannot_tell'] as const

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
  phish: step('phish', {
    as: Id,
    /** Who gets it. */
    people: Id,
    count: optional(Several),
    /** Words of the forger's own, or those of a notice that somebody really got. */
    words: optional(Type.Enum(['own', 'copied'], { description: 'own (default) or copied' })),
    /** No check code, one that is made up, one from somebody else's notice, or the receiver's own, by somebody who reads their mail. */
    code: optional(Type.Enum(['none', 'invented', 'stolen', 'own'], { description: 'none (default), invented, stolen or own' })),
    /** Whose notice was copied or whose code was stolen: the last of this group. */
    from: optional(Id),
    /** Where its sender and its link are; the official domain when absent, as a forged sender has it. */
    domain: optional(Host),
  }),
  check: step('check', {
    /** Who checks; the receivers of a phish when absent. */
    people: optional(Id),
    count: optional(Several),
    /** `notice`: their own, as it came; or the name of a phish. */
    mail: Id,
    /** The whole mail, its text as it is pasted, or the code alone, each with the person's address. */
    as: optional(Type.Enum(['mail', 'text', 'code'], { description: 'mail (default), text or code' })),
    /** On the page, on the command line, or both (default). */
    by: optional(Type.Enum(['page', 'command', 'both'], { description: 'page, command or both (default)' })),
    /** Each check comes from so many networks, the page's only. */
    networks: optional(Type.Integer({ minimum: 1, maximum: 200, description: 'from how many networks, 1 to 200' })),
    expect: Type.Enum([...VERDICTS], { description: VERDICTS.join(', ') }),
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
  /** Codes of the incident's notices that were used from many networks. */
  replayed: optional(Count),
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
