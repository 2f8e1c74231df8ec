/** All of them: as sent, carried on, edited, replayed, imitated. */
import { ALTERED } from './testing-altered.ts'
import type { CheckCase } from './testing-case.ts'
import { FORGED } from './testing-forged.ts'
import { GENUINE } from './testing-genuine.ts'
import { OTHERS } from './testing-others.ts'

export const CHECK_CASES: readonly CheckCase[] = [...GENUINE, ...ALTERED, ...FORGED, ...OTHERS]
