/** Diagnostics: one line each on stderr, `2026-11-23T05:38:24.120Z warn gateway: …`. Never personal data, never secrets. */
export type TraceLevel = 'info' | 'warn' | 'error'

export function trace(level: TraceLevel, role: string, text: string): void {
  process.stderr.write(`${new Date().toISOString()} ${level} ${role}: ${text}\n`)
}
