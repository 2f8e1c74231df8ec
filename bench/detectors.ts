/**
 * What looking costs: detectors over every free value of an event and all coarse forms of it, beside `JSON.parse` of the same events in the
 * same run, in requests of fifty as SDKs send them. `cold`: every text of every event is new, so nothing is remembered. `warm`: a
 * population, in which browsers, plans and pages come again and ids, searches, addresses and times do not. Every key is approved, which
 * is the dearest case: what is not approved is read for secrets alone.
 */
import type { JsonValue } from '#model/json.ts'
import type { PlaceOf } from '#policy/forms.ts'
import { browserFamily, clientOf, compilePaths, majorVersion, osFamily, pathTemplate, referrerOf, screenSide } from '#policy/forms.ts'
import { DestroyedCounts, destroySecretsInText, destroySecretsUnder, keyFactsOf } from '#policy/policy.ts'
import type { KeyFacts } from '#policy/policy.ts'
import { openPlaces } from '#split/geo.ts'
import { isKnownOpen, opensWhole } from '#split/open-value.ts'
import { allNew, everyday, numbersFrom, type SdkEvent } from './sdk-events.ts'
import type { Table } from './table.ts'

const EVENTS = 50
const REQUESTS = 2000
/** The first ones compile. */
const COMPILING = 500
const NO_REFERRERS = { approved: new Set<string>(), own: new Set<string>() }
const PATHS = compilePaths(['projects', 'board', '/projects/*/board'])
/** What the decoder of the protocol knows: ids and the SDK's own. */
const KNOWN = new Set(['mp_lib', '$lib_version', '$insert_id', 'time', 'distinct_id', '$device_id', 'token'])

/** An event as the decoder of a protocol hands it on. */
interface Event {
  userAgent: string
  address: string
  values: { key: string; value: JsonValue }[]
}

function decoded(parsed: { properties: Record<string, JsonValue> }, { userAgent, address }: SdkEvent): Event {
  const values = Object.entries(parsed.properties).flatMap(([key, value]) => (KNOWN.has(key) ? [] : [{ key, value }]))
  // As they come from a socket: in one piece.
  return { userAgent: flat(userAgent), address: flat(address), values }
}

function flat(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string
}

/** All that the split looks at: every free value for what is in it, and the coarse form of the rest. */
function look({ userAgent, address, values }: Event, placeOf: PlaceOf): void {
  clientOf(userAgent)
  placeOf(address)
  const destroyed = new DestroyedCounts()
  for (const { key, value } of values) {
    switch (key) {
      case '$os':
        osFamily(value as string)
        break
      case '$browser':
        browserFamily(value as string)
        break
      case '$browser_version':
        majorVersion(value)
        break
      case '$screen_height':
      case '$screen_width':
        screenSide(value)
        break
      case '$current_url':
        pathTemplate(value as string, PATHS)
        break
      case '$referrer':
      case '$initial_referrer':
      case '$referring_domain':
      case '$initial_referring_domain':
        referrerOf(value as string, NO_REFERRERS)
        break
      default:
        lookAtFree(keyFactsOf(key), value, destroyed)
    }
  }
}

function lookAtFree(key: KeyFacts, value: JsonValue, destroyed: DestroyedCounts): void {
  if (isKnownOpen(value, key)) return
  if (key.secret.mayHoldSecret) destroySecretsInText(key.name, destroyed)
  if (destroySecretsUnder(key.secret, value, destroyed) === value) opensWhole(value, key, ignore)
}

const ignore = (): void => undefined

export async function benchDetectors(table: Table): Promise<void> {
  const placeOf = openPlaces()
  const next = numbersFrom(1)
  const streams = { cold: (number: number) => allNew(number), warm: () => everyday(next) }
  for (const [name, eventOf] of Object.entries(streams)) {
    let parseUs = 0
    let lookUs = 0
    let bytes = 0
    for (let request = 0; request < REQUESTS; request++) {
      const sent = Array.from({ length: EVENTS }, (_, i) => eventOf(request * EVENTS + i))
      const texts = sent.map(({ json }) => Buffer.from(json).toString())
      const begun = process.cpuUsage()
      const parsed = texts.map((text) => JSON.parse(text) as { properties: Record<string, JsonValue> })
      const parsing = process.cpuUsage(begun)
      const events = parsed.map((event, i) => decoded(event, sent[i] as SdkEvent))
      const again = process.cpuUsage()
      for (const event of events) look(event, placeOf)
      const looking = process.cpuUsage(again)
      if (request < COMPILING) continue
      parseUs += parsing.user + parsing.system
      lookUs += looking.user + looking.system
      for (const text of texts) bytes += text.length
    }
    const events = EVENTS * (REQUESTS - COMPILING)
    table.row({
      id: `detectors_${name}`,
      what: `detectors and coarse forms of an event of ${Math.round(bytes / events)} bytes, ${name}`,
      figure: lookUs / events,
      unit: 'µs CPU/event',
      ratio: lookUs / parseUs,
      peer: `its JSON.parse (${(parseUs / events).toFixed(2)} µs)`,
    })
  }
}
