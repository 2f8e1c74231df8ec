/** All of them: as sent, carried on, edited, replayed, imitated. */
import { ALTERED } from './testing-altered.ts'
import type { CheckCase } from './testing-case.ts'
import { CARRIED } from './testing-carried.ts'
import { FORGED } from './testing-forged.ts'
import { GENUINE } from './testing-genuine.ts'
import { MENDED } from './testing-mended.ts'
import { OTHERS } from './testing-others.ts'
import { RESTYLED } from './testing-restyled.ts'

export const CHECK_CASES: readonly CheckCase[] = [...GENUINE, ...CARRIED, ...ALTERED, ...FORGED, ...RESTYLED, ...MENDED, ...OTHERS]
