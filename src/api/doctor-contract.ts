/** What `bulkhead doctor --json` says. */
import { type TSchema, Type } from 'typebox'
import { FLOW_STATES } from './leaving-contract.ts'

const closed = { additionalProperties: false } as const
const Instant = Type.String({ description: 'ISO 8601, UTC' })
const Count = Type.Integer({ minimum: 0 })
const nullable = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()])

export const DoctorAnswer = Type.Object(
  {
    ok: Type.Boolean({ description: 'false when a check failed: exit 1' }),
    version: Type.String(),
    instance: Type.String(),
    mode: Type.Enum(['single-operator', 'several-operators']),
    startedAt: nullable(Instant),
    checks: Type.Array(
      Type.Object(
        {
          id: Type.String({ description: 'stable name of the check' }),
          state: Type.Enum(['ok', 'warn', 'fail', 'cannot_tell']),
          what: Type.String(),
          fix: Type.String({ description: 'what to do; empty when all is well' }),
        },
        closed,
      ),
    ),
    roles: Type.Array(Type.Object({ role: Type.String(), pid: Count, state: Type.String(), restarts: Count, since: Instant }, closed)),
    events: Type.Object(
      {
        accepted: nullable(Type.Integer({ description: 'records that the gateway kept since it started; null: it does not answer' })),
        warehouse: nullable(
          Type.Integer({ description: 'events in the warehouse, without updates of profiles and groups; null: it does not answer' }),
        ),
      },
      closed,
    ),
    policy: nullable(Type.Object({ version: Count, appliedAt: Instant }, closed)),
    vendors: Type.Array(Type.Object({ vendor: Type.String(), state: Type.Enum([...FLOW_STATES]) }, closed)),
    keys: nullable(Type.Object({ folder: Type.String(), people: Count, looks: Count }, closed)),
    gateway: Type.Unknown({ description: 'counters of the gateway; null: it does not answer' }),
    worker: Type.Unknown({ description: 'state of loaders and forwarders; null: it does not answer' }),
  },
  { ...closed, title: 'bulkhead doctor --json' },
)
