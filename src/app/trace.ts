import { toBulkheadError } from '#base/errors.ts'

/** Diagnostics: one line each on stderr, `2026-11-23T05:38:24.120Z warn gateway: …`. Never personal data, never secrets. */
export type TraceLevel = 'info' | 'warn' | 'error'

export function trace(level: TraceLevel, role: string, text: string): void {
  process.stderr.write(`${new Date().toISOString()} ${level} ${role}: ${text}\n`)
}

/**
 * What diagnostics may say of an error. A known one was written for people; the message of any other may quote the value
 * that it stumbled over, so only its name and the place in our code are told. Our own assertions quote nothing.
 */
export function sayable(thrown: unknown): string {
  const error = toBulkheadError(thrown)
  if (error.code !== 'internal' || error.message.startsWith('assertion failed: ')) return error.message
  const cause = error.cause instanceof Error ? error.cause : error
  const place = (cause.stack ?? '').split('\n').find((line) => /^\s+at /.test(line))
  const code = 'code' in cause && typeof cause.code === 'string' && /^\w{1,40}$/.test(cause.code) ? ` ${cause.code}` : ''
  return `${cause.name}${code}${place === undefined ? '' : ` ${place.trim()}`}`
}

const OWN_LINE = /^\d{4}-\d{2}-\d{2}T[\d:.]+Z (info|warn|error) ([a-z]+): (.*)$/

/** What a child wrote: its own diagnostics as they are, anything else (an engine's, a runtime's) as a warning of that role. */
export function relayTrace(role: string, line: string): void {
  const own = OWN_LINE.exec(line)
  if (own?.[2] === role) trace(own[1] as TraceLevel, role, (own[3] as string).slice(0, 500))
  else trace('warn', role, line.slice(0, 500))
}
