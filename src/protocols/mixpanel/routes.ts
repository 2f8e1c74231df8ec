/** Paths of Mixpanel's ingestion hosts (developer.mixpanel.com/reference) and of its SDKs' side channels. */
import type { IngestRoute } from '#model/protocol.ts'
import { BODY_BYTES_MAX } from './limits.ts'

function keeping(name: string): IngestRoute {
  return { name, methods: ['GET', 'POST'], keeps: true, bodyBytesMax: BODY_BYTES_MAX }
}

function answering(name: string, method: 'GET' | 'POST'): IngestRoute {
  return { name, methods: [method], keeps: false, bodyBytesMax: BODY_BYTES_MAX }
}

const ROUTES: ReadonlyMap<string, IngestRoute> = new Map(
  [
    keeping('track'),
    keeping('engage'),
    keeping('groups'),
    keeping('import'),
    // Session replays are page content: answered so that the SDK is content, and kept nowhere.
    answering('record', 'POST'),
    answering('settings', 'GET'),
    answering('flags', 'GET'),
    answering('decide', 'GET'),
    // A look-up table is a table of raw ids and facts about them; it has no place behind this wall.
    answering('lookup-tables', 'GET'),
  ].map((route) => [route.name, route]),
)

const FLAG_DEFINITIONS = answering('flags/definitions', 'GET')
const FIRST_TIME_EVENTS = answering('flags/first-time-events', 'POST')

/** Trailing slashes and any prefix are allowed: SDKs differ in the first and sites mount the gateway below a path. */
export function routeOfPath(path: string): IngestRoute | undefined {
  const segments = path.split('/').filter((segment) => segment !== '')
  const [last, previous, beforePrevious] = [segments.at(-1), segments.at(-2), segments.at(-3)]
  if (last === 'definitions' && previous === 'flags') return FLAG_DEFINITIONS
  if (last === 'first-time-events' && beforePrevious === 'flags') return FIRST_TIME_EVENTS
  if (previous === 'lookup-tables') return ROUTES.get('lookup-tables')
  return last === undefined ? undefined : ROUTES.get(last)
}
