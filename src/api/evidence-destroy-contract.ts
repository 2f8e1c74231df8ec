/** What `incident evidence destroy` asks and says. */
import { type Static, Type } from 'typebox'

const closed = { additionalProperties: false } as const

export const EvidenceDestroyRequest = Type.Object({ reason: Type.Optional(Type.String({ maxLength: 1000 })) }, closed)

export const EvidenceDestroyAnswer = Type.Object(
  {
    incident: Type.Integer({ minimum: 1 }),
    evidence: Type.Object({ id: Type.String(), sha256: Type.String(), bytes: Type.Integer({ minimum: 0 }) }, closed),
    state: Type.Enum(['proposed', 'destroyed'], {
      description: 'proposed: nothing has changed; somebody else has to approve that very text. destroyed: nobody can read it any more',
    }),
    approval: Type.Integer({ minimum: 1, description: 'number of the proposal' }),
    what: Type.String({ description: 'the very text that is approved' }),
    countsFrom: Type.Union([Type.String(), Type.Null()], { description: 'ISO 8601, UTC: when it counts, as far as that is known' }),
  },
  { ...closed, title: 'bulkhead incident evidence destroy ID EVIDENCE --json' },
)

export type EvidenceDestroyResult = Static<typeof EvidenceDestroyAnswer>

export const EVIDENCE_DESTROY_SCHEMAS = { 'incident-evidence-destroy': EvidenceDestroyAnswer }
