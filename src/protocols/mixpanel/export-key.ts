/** Which field a key of Mixpanel's own exports holds: keys as they were sent, and those of ours that it had no word for. */
import type { KnownField } from '#model/field.ts'
import { fieldOfKey } from './catalogue.ts'

/** A map, since whoever writes a file chooses the names of its columns. */
const OURS: ReadonlyMap<string, KnownField> = new Map(
  Object.entries({
    page_path: 'url',
    referrer_medium: 'referrer',
    event: 'event',
    // What steers Mixpanel itself, in requests as they were received.
    $ignore_time: 'technical',
    $ignore_alias: 'technical',
    $group_key: 'technical',
    $unset: 'technical',
    $delete: 'technical',
  } satisfies Record<string, KnownField>),
)

export function fieldOfExportKey(key: string): KnownField | undefined {
  return OURS.get(key) ?? fieldOfKey(key, 'event') ?? fieldOfKey(key, 'profile')
}
