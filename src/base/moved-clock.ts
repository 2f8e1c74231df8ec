/**
 * A clock that somebody else moves, for rehearsals of weeks in seconds: with `BULKHEAD_CLOCK=FILE` in its environment a
 * process takes the time to be what the system says plus the milliseconds that stand in FILE. It is for `bulkhead drill
 * --story` alone; `doctor` says when it is in use. Timers run as ever.
 */
import { readFileSync } from 'node:fs'

export const CLOCK_VARIABLE = 'BULKHEAD_CLOCK'

/** How long an offset that was read is used, of real time. */
const REREAD_MS = 20

/** Before anything else asks for the time. Nothing happens without the variable. */
export function moveClock(env: NodeJS.ProcessEnv): void {
  const file = env[CLOCK_VARIABLE]
  if (file === undefined || file === '') return
  const real = globalThis.Date
  const systemNow = real.now
  let offset = 0
  let readAt = Number.NEGATIVE_INFINITY
  const now = (): number => {
    const at = performance.now()
    if (at - readAt > REREAD_MS) {
      readAt = at
      offset = readOffset(file) ?? offset
    }
    return systemNow() + offset
  }
  globalThis.Date = new Proxy(real, {
    construct: (target, args: unknown[], made) => Reflect.construct(target, args.length === 0 ? [now()] : args, made) as Date,
    apply: () => new real(now()).toString(),
    get: (target, key, receiver): unknown => (key === 'now' ? now : Reflect.get(target, key, receiver)),
  })
}

/** Undefined while the file is being replaced. */
function readOffset(file: string): number | undefined {
  try {
    const offset = Number(readFileSync(file, 'utf8'))
    return Number.isSafeInteger(offset) ? offset : undefined
  } catch {
    return undefined
  }
}
