/** Which field a key of Mixpanel's own exports holds: keys as they were sent, and those of ours that it had no word for. */
import type { KnownField } from '#model/field.ts'
import { fieldOfKey } from './catalogue.ts'

const OURS: Readonly<Record<string, KnownField>> = {
  page_path: 'url',
  referrer_medium: 'referrer',
  event: 'event',
  // What steers Mixpanel itself, in requests as they were received.
  $ignore_time: 'technical',
  $ignore_alias: 'technical',
  $group_key: 'technical',
  $unset: 'technical',
  $delete: 'technical',
}

export function fieldOfExportKey(key: string): KnownField | undefined {
  return OURS[key] ?? fieldOfKey(key, 'event') ?? fieldOfKey(key, 'profile')
}
