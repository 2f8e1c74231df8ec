/**
 * What the cast does, through the vendor's own SDKs with nothing but the host changed: the npm `mixpanel` client as the
 * platform's backend, `mixpanel-browser` in Chromium as its users.
 */
import type { Mixpanel } from 'mixpanel'
import type { BrowserActor } from './browser.ts'
import { openActor, openChromium, startProxy, startSite } from './browser.ts'
import { type Cast, type CastMember, TOKENS, UNAPPROVED_EVENT } from './cast.ts'

export interface TrafficCount {
  /** Events that an SDK was told were taken. Profile and group calls are not events. */
  sent: number
  /** Of these, events with an approved name. */
  approved: number
  /** What the SDKs reported as errors; empty when all is well. */
  errors: string[]
}

const emptyCount = (): TrafficCount => ({ sent: 0, approved: 0, errors: [] })

/** A client as the platform's backend makes one. `key` lets it call /import without TLS, which loopback has no need of. */
export async function openServerClient(gatewayUrl: string, token: string = TOKENS.server): Promise<Mixpanel> {
  const { default: sdk } = await import('mixpanel')
  const url = new URL(gatewayUrl)
  const silent = { trace: () => undefined, debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
  const config = { host: url.hostname, port: Number(url.port), protocol: 'http', key: 'unused', keepAlive: true, logger: silent }
  return quietly(() => sdk.init(token, config))
}

/** The SDK warns on the console that `key` is deprecated; that is about our set-up and not about its work. */
function quietly<T>(make: () => T): T {
  const warn = console.warn
  console.warn = () => undefined
  try {
    return make()
  } finally {
    console.warn = warn
  }
}

type Callback = (error: unknown) => void

/** One SDK call as a promise; what it reports goes into the count. */
function told(count: TrafficCount, events: number, approved: boolean, call: (done: Callback) => void): Promise<void> {
  return new Promise((resolve) => {
    call((error) => {
      if (error === undefined || error === null) {
        count.sent += events
        if (approved) count.approved += events
      } else {
        count.errors.push(error instanceof Error ? error.message : JSON.stringify(error))
      }
      resolve()
    })
  })
}

/** Everything the backend does for one person. */
async function serve(client: Mixpanel, member: CastMember, count: TrafficCount): Promise<void> {
  const { n, id, name, email, ip, org, userAgent, referrer, page } = member
  const common = { distinct_id: id, n, company: org.id, ip }
  if (member.part === 'quiet') {
    await told(count, 1, false, (done) => client.track(UNAPPROVED_EVENT, { ...common, note: `for ${name}` }, done))
    return
  }
  const web = { $referrer: referrer, $current_url: `https://platform.example${page}`, $user_agent: userAgent }
  const requests = Array.from({ length: 3 + (n % 5) }, (_, index) => ({
    event: 'Request made',
    properties: { ...common, ...web, tokens: 100 * n + index, model: 'large', note: `asked by ${email}`, deep: { owner: name } },
  }))
  await told(count, 0, false, (done) => client.people.set(id, { $name: name, $email: email, n }, { $ip: ip }, done))
  await told(count, 1, true, (done) => client.track('API key created', { ...common, ...web }, done))
  await told(count, requests.length, true, (done) => client.track_batch(requests, (errors) => done(errors)))
  const paidAt = new Date(Date.now() - 40 * 86_400_000 - n * 1000)
  await told(count, 1, true, (done) => client.import('Invoice paid', paidAt, { ...common, amount: n * 7 }, done))
  await told(count, 0, false, (done) => client.people.increment(id, 'requests_total', requests.length, done))
  await told(count, 1, false, (done) => client.track(UNAPPROVED_EVENT, { ...common, note: `by ${email}` }, done))
}

/** The backend's day: organisations, then people, a few at a time. */
export async function playServers(gatewayUrl: string, cast: Cast): Promise<TrafficCount> {
  const count = emptyCount()
  const client = await openServerClient(gatewayUrl)
  for (const org of cast.orgs) await told(count, 0, false, (done) => client.groups.set('company', org.id, { $name: org.name }, done))
  const waiting = cast.members.filter((member) => member.part === 'server' || member.part === 'quiet')
  const lane = async (): Promise<void> => {
    for (let member = waiting.shift(); member !== undefined; member = waiting.shift()) await serve(client, member, count)
  }
  await Promise.all(Array.from({ length: 8 }, lane))
  return count
}

/** Browser users one after the other, each behind the load balancer with an address of their own. */
export async function playBrowsers(gatewayUrl: string, cast: Cast): Promise<TrafficCount> {
  const count = emptyCount()
  const members = cast.members.filter((member) => member.part === 'browser' || member.part === 'optOut')
  if (members.length === 0) return count
  const chromium = await openChromium()
  const site = await startSite()
  try {
    for (const member of members) {
      const proxy = await startProxy({ target: gatewayUrl, clientAddress: member.ip })
      try {
        const { userAgent, page, referrer } = member
        const actor = await openActor(chromium, site, { gatewayUrl: proxy.url, token: TOKENS.browser, userAgent, path: page, referrer })
        await browse(actor, member, count)
        count.sent += (await actor.sentInsertIds()).length
        count.errors.push(...actor.complaints)
        await actor.context.close()
      } finally {
        await proxy.close()
      }
    }
  } finally {
    await chromium.close()
    await site.close()
  }
  return count
}

async function browse(actor: BrowserActor, member: CastMember, count: TrafficCount): Promise<void> {
  const { n, id, name, email, org } = member
  await actor.call(
    ['register', { n }],
    ['identify', id],
    ['people.set', { $name: name, $email: email, n }],
    ['set_group', 'company', org.id],
    ['get_group', 'company', org.id, 'set', { $name: org.name }],
    ['track', 'API key created', { note: `key of ${name}` }],
    ['track', 'Request made', { tokens: 3, model: 'small', prompt: `write to ${email}` }],
    ['track', UNAPPROVED_EVENT, { title: `Letter to ${name}` }],
  )
  await actor.drained()
  count.approved += 2
  if (member.part === 'optOut') {
    // From here on the SDK holds its queues back, its own deletion call included; there is nothing to wait for.
    await actor.call(['opt_out_tracking'], ['track', 'Request made', { tokens: 999_999 }], ['track', UNAPPROVED_EVENT, {}])
    await new Promise((resolve) => setTimeout(resolve, 800))
  }
}

export interface Storm {
  count: TrafficCount
  stop(): Promise<void>
}

/** Traffic that does not end until it is told to: batches of 50 on several lanes. */
export async function startStorm(gatewayUrl: string, cast: Cast): Promise<Storm> {
  const count = emptyCount()
  const client = await openServerClient(gatewayUrl)
  const members = cast.members.filter((member) => member.part === 'server')
  let isOn = true
  let turn = 0
  const lane = async (): Promise<void> => {
    while (isOn) {
      const batch = Array.from({ length: 50 }, () => {
        const { id, n, org, ip } = members[turn++ % members.length] as CastMember
        return { event: 'Request made', properties: { distinct_id: id, n, company: org.id, ip, tokens: turn } }
      })
      await told(count, batch.length, true, (done) => client.track_batch(batch, (errors) => done(errors)))
      // A platform's traffic is not a saturation test: leave the rest of the machine something.
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  const lanes = [lane(), lane()]
  return {
    count,
    stop: async () => {
      isOn = false
      await Promise.all(lanes)
    },
  }
}
