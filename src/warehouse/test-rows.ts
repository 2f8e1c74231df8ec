/** Test support: rows and the texts that a careless writer would trip over. */
import type { LogEntry, LogRecord } from '#model/log-entry.ts'

export const AT = Date.UTC(2026, 2, 14, 9, 26, 53, 589)
export const HOSTILE = [
  "'; DROP TABLE events; --",
  '\n\nDROP TABLE events\n',
  '\r\n\r\n',
  'a\0b',
  '\\',
  "\\'",
  '"',
  '`',
  '\u001a',
  '{x:String}',
  '$$',
  '/*',
  "') FORMAT Null",
  '\n\n\n',
  '\t\\N',
  'NULL',
  '\u2028',
  '\u{1f469}\u200d\u{1f680}',
  'é'.repeat(300),
  '../../etc/passwd',
  '%00',
  '\u0001\u0002\u007f',
]

export function entryOf(seq: number, records: LogRecord[], at = AT): LogEntry {
  return { seq, at, source: 'web', protocol: 'mixpanel', surface: 'app', trust: 'browser', policy: 1, records }
}

export function eventOf(change: Partial<LogRecord> = {}): LogRecord {
  return { type: 'event', name: 'Opened', time: AT - 1000, user: 7, ...change }
}
