/** Which field a key of Mixpanel's own exports holds: keys as they were sent, and those of ours that it had no word for. */
import type { KnownField } from '#model/field.ts'
import { fieldOfKey } from './catalogue.ts'

const OURS: Readonly<Record<string, KnownField>> = { page_path: 'url', referrer_medium: 'referrer', event: 'event' }

export function fieldOfExportKey(key: string): KnownField | undefined {
  return OURS[key] ?? fieldOfKey(key, 'event') ?? fieldOfKey(key, 'profile')
}
