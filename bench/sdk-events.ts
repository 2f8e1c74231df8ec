/**
 * Events as a browser SDK sends them, from a seed: `everyday` is a population whose browsers, pages, plans and campaigns come again and
 * again and whose ids, addresses with queries, searches and times are new in each event; in `allNew` every text holds something new.
 */

export interface SdkEvent {
  json: string
  userAgent: string
  address: string
}

function agent(system: string, version: number): string {
  return `Mozilla/5.0 (${system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${version}.0.0.0 Safari/537.36`
}

const SYSTEMS = [
  ['Windows', 'Windows NT 10.0; Win64; x64'],
  ['Mac OS X', 'Macintosh; Intel Mac OS X 10_15_7'],
  ['Android', 'Linux; Android 10; K'],
  ['Linux', 'X11; Linux x86_64'],
] as const

/** `mark` stands in every text that a person could make differ. */
export function allNew(number: number): SdkEvent {
  const mark = String(number)
  const json = JSON.stringify({
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
  return {
    json,
    userAgent: agent('X11; Linux x86_64', 100 + (number % 40)),
    address: `203.${number % 90}.${(number >> 8) % 250}.${number % 250}`,
  }
}

const WORDS = (
  'quarterly report draft invoice summary budget travel laptop stand wireless keyboard summer sale running shoes blue cotton shirt board ' +
  'meeting notes export template onboarding team roadmap release plan garden chair kitchen lamp desk coffee maker filter large small'
).split(' ')

/** Numbers from a seed (mulberry32). */
export function numbersFrom(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const PEOPLE = 5000
const hex = (number: number, length: number): string => number.toString(16).padStart(length, '0').slice(-length)

function uuid(next: (below: number) => number): string {
  const digits = (length: number): string => hex(next(16 ** length), length)
  return `${digits(8)}-${digits(4)}-4${digits(3)}-a${digits(3)}-${digits(8)}${digits(4)}`
}

/** The next event of the population. */
export function everyday(next: (below: number) => number): SdkEvent {
  const person = next(PEOPLE)
  const [os, system] = SYSTEMS[person % SYSTEMS.length] as (typeof SYSTEMS)[number]
  const version = 128 + (person % 12)
  const words = (count: number): string => Array.from({ length: count }, () => WORDS[next(WORDS.length)]).join(' ')
  const at = 1_763_000_000_000 + next(80_000_000)
  const page = ['projects', 'orders', 'teams', 'reports'][next(4)] as string
  const json = JSON.stringify({
    event: 'Page opened',
    properties: {
      $os: os,
      $browser: 'Chrome',
      $browser_version: version,
      $current_url: `https://app.shop.example/${page}/${next(1_000_000)}/board?view=timeline&q=${words(2).replace(' ', '+')}`,
      $screen_height: 1080,
      $screen_width: 1920,
      mp_lib: 'web',
      $lib_version: '2.83.0',
      $insert_id: hex(next(2 ** 32), 8) + hex(next(2 ** 32), 8),
      time: at / 1000,
      distinct_id: `user-${person}`,
      $device_id: `0f0e0d0c-0b0a-4908-8706-${hex(person, 12)}`,
      $initial_referrer: `https://www.google.com/search?q=${person}`,
      $initial_referring_domain: 'www.google.com',
      token: 'bench-token',
      utm_source: ['newsletter', 'google', 'partner'][person % 3],
      utm_campaign: `spring launch ${person % 20}`,
      plan: ['free', 'team', 'business', 'Enterprise plus'][person % 4],
      locale: ['en-IN', 'de-DE', 'en-US'][person % 3],
      app_version: `4.${person % 12}.0`,
      is_trial: person % 5 === 0,
      seats: person % 50,
      amount: next(100_000) / 100,
      company: `acme-corporation-${person % 200}`,
      title: `Quarterly report, draft ${next(60)}`,
      search: words(3),
      order: `ORD-2025-${String(next(1_000_000)).padStart(6, '0')}`,
      board: uuid(next),
      seen: new Date(at).toISOString(),
    },
  })
  return {
    json,
    userAgent: agent(system, version),
    address: `${80 + (person % 100)}.${person % 251}.${(person >> 4) % 250}.${person % 250}`,
  }
}
