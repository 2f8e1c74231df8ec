/** Port for time. Stages take a clock, so that a simulated run can own it. All instants are UTC milliseconds. */
export interface Clock {
  now(): number
  /** Without a time it returns in the next turn of the event loop: what is ready now goes first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      if (ms <= 0) return void setImmediate(resolve)
      const finish = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', finish)
        resolve()
      }
      const timer = setTimeout(finish, ms)
      signal?.addEventListener('abort', finish, { once: true })
    }),
}

export const DAY_MS = 86_400_000

/** Days since 1970-01-01 UTC. */
export function dayOf(instant: number): number {
  return Math.floor(instant / DAY_MS)
}

/** UTC ms of ISO 8601 text; NaN for what is none. The engine takes 31 November for 1 December: no day of the calendar is none. */
export function parseInstant(text: string): number {
  const day = text.slice(0, 10)
  const midnight = Date.parse(`${day}T00:00:00Z`)
  return !Number.isNaN(midnight) && formatDay(dayOf(midnight)) === day ? Date.parse(text) : Number.NaN
}

/** `2026-11-23` for a day number. */
export function formatDay(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}
