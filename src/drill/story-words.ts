/** Words that several steps of a story share, each with what is said of it when something else stands there. */
import { Type } from 'typebox'

export const closed = { additionalProperties: false } as const
export const Id = Type.String({ pattern: '^[a-z][a-z0-9-]{0,39}$', description: 'lower case letters, digits and hyphens, 40 at most' })
export const Instant = Type.String({
  pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}(:\\d{2})?(Z|[+-]\\d{2}:\\d{2})$',
  description: 'an instant with a zone, as 2025-11-09T00:00:00Z',
})
export const Count = Type.Integer({ minimum: 0, maximum: 100_000, description: 'a whole number' })
export const Text = Type.String({ minLength: 1, maxLength: 2000, description: 'some text' })
export const Flag = Type.Boolean({ description: 'true or false' })
export const optional = Type.Optional

/** A process of Bulkhead. */
export const Role = Type.Enum(['supervisor', 'gateway', 'vault', 'worker', 'staff', 'warehouse'], { description: 'a process of Bulkhead' })

/** Every step: when, and a few words that are printed. */
const when = { at: Instant, why: optional(Text) }
export const step = <Name extends string, Properties extends Parameters<typeof Type.Object>[0]>(name: Name, properties: Properties) =>
  Type.Object({ ...when, do: Type.Enum([name]), ...properties }, closed)
