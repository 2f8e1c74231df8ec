/**
 * What looking costs: detectors over every value of an event and all coarse forms of it, beside `JSON.parse` of the same
 * event. Cold: no text was seen before, so nothing is remembered. Warm: the values of a few hundred events come again and again,
 * as plans, pages and browsers do. Everything is approved, which is the dearest case: what is not approved is read for secrets alone.
 */
import type { JsonValue } from '#model/json.ts'
import { clientOf, compilePaths, pathTemplate, referrerOf } from '#policy/forms.ts'
import { DestroyedCounts, destroySecretsInPair } from '#policy/policy.ts'
import { openCountries } from '#split/geo.ts'
import { openValue } from '#split/open-value.ts'
import type { Table } from './table.ts'

const EVENTS = 3000
const WARM_EVENTS = 300
const ROUNDS = 24
const NO_REFERRERS = { approved: new Set<string>(), own: new Set<string>() }
const PATHS = compilePaths(['projects', 'board', '/projects/*/board'])
const COARSE = new Set(['$os', '$browser', '$browser_version', '$referrer', '$referring_domain', '$current_url', '$initial_referrer'])

/** About 900 bytes. `mark` stands in every text that a person could make differ. */
function eventOf(mark: string): string {
  return JSON.stringify({
    event: 'Page opened',
    properties: {
      $os: 'Linux',
      $browser: 'Chrome',
      $browser_version: 131,
      $referrer: `https://www.search.example/results?q=quarterly+report+${mark}`,
      $referring_domain: 'www.search.example',
      $current_url: `https://app.shop.example/projects/${mark}/board?view=timeline&filter=open#card-17`,
      $initial_referrer: 'https://www.search.example/results?q=quarterly+report+template',
      mp_lib: 'web',
      $insert_id: 'iiiiiiiiiiiiiiii',
      time: 1_700_000_000.001,
      distinct_id: 'user-pppppppp',
      utm_source: 'newsletter',
      utm_medium: 'email',
      utm_campaign: `spring launch ${mark}`,
      plan: `team ${mark}`,
      amount: 12.5,
      items: 3,
      is_trial: false,
      title: `Quarterly report, draft ${mark}`,
      company: `acme-corporation-${mark}`,
      order: `A-${mark}`,
      board: '550e8400-e29b-41d4-a716-446655440000',
      seen: '2025-11-08T10:20:30.123Z',
      token: 'bench-token',
    },
  })
}

interface Parsed {
  properties: Record<string, JsonValue>
}

function look(
  { properties }: Parsed,
  userAgent: string,
  address: string,
  countryOf: (address: string) => unknown,
  approved: ReadonlySet<string>,
): void {
  clientOf(userAgent)
  countryOf(address)
  const destroyed = new DestroyedCounts()
  for (const key in properties) {
    const value = properties[key] as JsonValue
    if (COARSE.has(key)) {
      if (key === '$current_url') pathTemplate(value as string, PATHS)
      else if (key.endsWith('referrer')) referrerOf(value as string, NO_REFERRERS)
      continue
    }
    const [, clean] = destroySecretsInPair(key, value, destroyed)
    openValue(key, clean, approved, ignore)
  }
}

const ignore = (): void => undefined

export async function benchDetectors(table: Table): Promise<void> {
  const countryOf = openCountries()
  const approved = new Set<string>()
  const marks = { cold: (round: number, i: number) => String(round * EVENTS + i), warm: (_: number, i: number) => String(i % WARM_EVENTS) }
  for (const [name, markOf] of Object.entries(marks)) {
    let parseMs = 0
    let lookMs = 0
    for (let round = 0; round < ROUNDS; round++) {
      const texts = Array.from({ length: EVENTS }, (_, i) => eventOf(markOf(round, i)))
      const agents = texts.map(
        (_, i) => `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${100 + (i % 40)}.0.0.0 Safari/537.36`,
      )
      // In turns, so that both meet the same machine.
      const begun = process.cpuUsage()
      const events = texts.map((text) => JSON.parse(text) as Parsed)
      const parsed = process.cpuUsage(begun)
      const middle = process.cpuUsage()
      for (const [i, event] of events.entries()) look(event, agents[i] as string, `203.${i % 90}.${round}.${i % 250}`, countryOf, approved)
      const looked = process.cpuUsage(middle)
      // The first rounds compile.
      if (round < ROUNDS / 4) continue
      parseMs += (parsed.user + parsed.system) / 1000
      lookMs += (looked.user + looked.system) / 1000
    }
    const events = EVENTS * ROUNDS * 0.75
    table.row({
      id: `detectors_${name}`,
      what: `detectors and coarse forms of an event of ${eventOf('1234').length} bytes, ${name}`,
      figure: (1000 * lookMs) / events,
      unit: 'µs CPU/event',
      ratio: lookMs / parseMs,
      peer: `its JSON.parse (${((1000 * parseMs) / events).toFixed(2)} µs)`,
    })
  }
}
