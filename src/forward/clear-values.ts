/**
 * Identity that a destination may have in the clear, put into records as they are encoded. The vault is asked once a batch, for the
 * fields that the decisions name and nothing else; it looks at the signed policy for itself. What it does not know leaves as absent,
 * and the shape says so.
 */
import { assert } from '#base/errors.ts'
import type { DestinationConfig } from '#model/config.ts'
import type { ClearField } from '#model/field.ts'
import type { LogRecord, Ordinal } from '#model/log-entry.ts'
import type { OutgoingField, OutgoingValue } from '#model/protocol.ts'
import { recipientOf } from '#model/recipient.ts'
import { parseShape, shapeText } from '#policy/policy.ts'
import type { RecordsReader } from '#records/port.ts'
import type { ClearVault } from '#vault/clear-port.ts'
import { subjectOf } from './placed-record.ts'
import type { SendDecision } from './port.ts'

/** Plain values of one destination under one version of the policy. */
export type ClearReader = (
  policy: number,
  asked: readonly { field: ClearField; ordinals: readonly Ordinal[] }[],
) => Promise<readonly (readonly (string | null)[])[]>

export function clearReader(
  destination: DestinationConfig,
  records: Pick<RecordsReader, 'policy' | 'policySeal'>,
  vault: ClearVault | undefined,
): ClearReader | undefined {
  if (vault === undefined) return undefined
  const to = { destination: destination.id, recipient: recipientOf(destination) }
  return async (version, asked) => {
    const [policy, seal] = [records.policy(version)?.policy, records.policySeal(version)]
    assert(policy !== undefined && seal !== undefined, 'what is granted in the clear stands in a signed version')
    return vault.clearValues({ ...to, policy, seal, asked })
  }
}

/** What leaves of one record beside what stands in it. */
export interface ClearPart {
  fields: readonly OutgoingField[]
  /** One for each field behind those of the decision. */
  values: readonly OutgoingValue[]
  shape: string
}

interface Variant {
  fields: readonly OutgoingField[]
  shape: string
}

/** By decision and by which of its fields are there: one list of fields for all records alike, since encoders keep their layout by it. */
const variants = new WeakMap<SendDecision, Map<string, Variant>>()

export class ClearValues {
  readonly #byField: ReadonlyMap<ClearField, ReadonlyMap<Ordinal, string>>

  private constructor(byField: ReadonlyMap<ClearField, ReadonlyMap<Ordinal, string>>) {
    this.#byField = byField
  }

  /** Undefined when nothing of these records leaves in the clear: as a rule. */
  static async of(
    chosen: readonly { placed: { record: LogRecord }; decision: SendDecision }[],
    policy: number,
    read: ClearReader | undefined,
  ): Promise<ClearValues | undefined> {
    const wanted = new Map<ClearField, Set<Ordinal>>()
    for (const { placed, decision } of chosen) {
      if (decision.clear === undefined || decision.clear.length === 0) continue
      for (const field of decision.clear) {
        const ordinal = bearerOf(field, placed.record)
        const known = wanted.get(field)
        if (known === undefined) wanted.set(field, new Set([ordinal]))
        else known.add(ordinal)
      }
    }
    if (wanted.size === 0) return undefined
    assert(read !== undefined, 'what is granted in the clear can be asked for')
    const asked = [...wanted].map(([field, ordinals]) => ({ field, ordinals: [...ordinals] }))
    const answers = await read(policy, asked)
    const byField = asked.map(({ field, ordinals }, index): [ClearField, Map<Ordinal, string>] => {
      const values = answers[index] ?? []
      return [field, new Map(ordinals.flatMap((ordinal, at) => (values[at] == null ? [] : [[ordinal, values[at]]])))]
    })
    return new ClearValues(new Map(byField))
  }

  /** Undefined for a record of which nothing is left to say. */
  partOf(record: LogRecord, decision: SendDecision): ClearPart | undefined {
    const fields: ClearField[] = []
    const values: string[] = []
    for (const field of decision.clear ?? []) {
      const value = this.#byField.get(field)?.get(bearerOf(field, record))
      if (value === undefined) continue
      fields.push(field)
      values.push(value)
    }
    const isState = record.type === 'profile' || record.type === 'group'
    if (isState && fields.length + decision.outgoing.length + decision.unset.length === 0) return undefined
    return { ...variantOf(decision, fields), values }
  }
}

/** A group's own id is the group's; everything else is of whom the record is about. */
function bearerOf(field: ClearField, record: LogRecord): Ordinal {
  const ordinal = field === 'user_id' ? record.user : subjectOf(record)?.ordinal
  assert(ordinal !== undefined, 'who is named in the clear is in the record')
  return ordinal
}

function variantOf(decision: SendDecision, present: readonly ClearField[]): Variant {
  const known = variants.get(decision) ?? new Map<string, Variant>()
  variants.set(decision, known)
  const name = present.join(' ')
  let variant = known.get(name)
  if (variant === undefined) {
    const missing = (decision.clear ?? []).filter((field) => !present.includes(field))
    variant = {
      fields: [...decision.outgoing, ...present.map((field) => ({ field, form: 'clear' as const }))],
      shape: shapeText(
        parseShape(decision.shape).flatMap((pair) => {
          if (pair.form !== 'clear' || !missing.some((field) => field === pair.field)) return [pair]
          return pair.field.endsWith('_id') ? [{ ...pair, form: 'pseudonym' as const }] : []
        }),
      ),
    }
    known.set(name, variant)
  }
  return variant
}

/**
 * Bytes with an identity in the clear wait for no vendor beyond the end of its grant: the batch ends as under another policy, and
 * its records are decided anew. Other grants that run out are honoured for what was begun under them.
 */
export function clearUntilOf(members: readonly { decision: SendDecision }[]): number {
  let until = Number.POSITIVE_INFINITY
  for (const { decision } of members) {
    if (decision.clear !== undefined && decision.clear.length > 0) until = Math.min(until, decision.clearUntil ?? until)
  }
  return until
}
