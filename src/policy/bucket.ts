/**
 * Form `coarse` of a property. A number becomes the bound of its bucket that is nearer to zero: 0 and ± {1, 2, 5} × 10^k, so 4,711
 * is 2,000 and -0.03 is -0.02. What a bucket cannot hold, text above all, becomes `*`, as what a path does not say. Yes and
 * no stay: nothing is coarser.
 */
import type { PlainValue } from '#model/log-entry.ts'

const STEPS = [5, 2, 1] as const
/** Below this a number is 0. */
const LEAST_EXPONENT = -6
const WITHHELD_TEXT = '*'

export function bucketOf(value: PlainValue): PlainValue {
  if (typeof value === 'number') return numberBucket(value)
  if (typeof value === 'boolean') return value
  return Array.isArray(value) ? value.map(bucketOf) : WITHHELD_TEXT
}

function numberBucket(value: number): number {
  const size = Math.abs(value)
  // By its digits: a logarithm of 1,000 may come out below 3.
  const [digits = '0', exponentText = '0'] = size.toExponential().split('e')
  const exponent = Number(exponentText)
  if (!Number.isFinite(size) || size === 0 || exponent < LEAST_EXPONENT) return 0
  const step = STEPS.find((bound) => Number(digits) >= bound) ?? 1
  return Math.sign(value) * Number(`${step}e${exponent}`)
}
