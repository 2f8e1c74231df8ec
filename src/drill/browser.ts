/**
 * Real Chromium with the real mixpanel-browser on pages of a loopback site. A page's script does one call for each step
 * and reports what the SDK said, so that a run can show that the SDK dropped, retried and complained about nothing.
 */
import { accessSync, constants, readFileSync } from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { BulkheadError } from '#base/errors.ts'

/** A slow machine is no fault of a page. */
export const PATIENCE_MS = 120_000
const LOOK_EVERY_MS = 150
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export function chromiumPath(): string | undefined {
  const file = process.env.CHROMIUM_PATH || '/usr/bin/chromium'
  try {
    accessSync(file, constants.X_OK)
    return file
  } catch {
    return undefined
  }
}

export async function openChromium(): Promise<Browser> {
  const executablePath = chromiumPath()
  if (executablePath === undefined) throw new BulkheadError('dependency_missing', 'Chromium is not installed')
  const { chromium } = await import('playwright-core')
  return chromium.launch({ executablePath, args: FLAGS, chromiumSandbox: false, timeout: PATIENCE_MS })
}

export interface Site {
  url: string
  close(): Promise<void>
}

/** Serves one page on every path, with the SDK from node_modules. */
export async function startSite(): Promise<Site> {
  const require = createRequire(import.meta.url)
  const folder = path.join(path.dirname(require.resolve('mixpanel-browser/package.json')), 'dist')
  const sdk = readFileSync(path.join(folder, 'mixpanel.umd.js'))
  const page =
    '<!doctype html><meta charset="utf-8"><title>API platform</title>' +
    '<h1>API platform</h1><button>Create key</button><a href="/next">Next</a><script src="/sdk.js"></script>'
  const server = http.createServer((request, response) => {
    const isSdk = request.url === '/sdk.js'
    response.writeHead(200, { 'content-type': isSdk ? 'text/javascript; charset=utf-8' : 'text/html; charset=utf-8' })
    response.end(isSdk ? sdk : page)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

/**
 * What a load balancer does: passes requests on and says for which client address. A header set in the browser itself
 * would change the request (a preflight for every call), so the address is added behind it.
 */
export async function startProxy(options: { target: string; clientAddress: string; headers?: Record<string, string> }): Promise<Site> {
  const target = new URL(options.target)
  const agent = new http.Agent({ keepAlive: true })
  const server = http.createServer((request, response) => {
    const headers = { ...request.headers, ...options.headers, host: target.host, 'x-forwarded-for': options.clientAddress }
    const onward = http.request({ host: target.hostname, port: target.port, path: request.url, method: request.method, headers, agent })
    onward.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        agent.destroy()
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}

/** One call on the SDK: `['track', 'Key created', {…}]`, `['people.set', {…}]`, `['get_group', key, id, 'set', {…}]`. */
export type BrowserCall = readonly [method: string, ...args: unknown[]]

export interface BrowserActor {
  page: Page
  /** Calls in order; resolves when all have been made (not yet sent). */
  call(...calls: BrowserCall[]): Promise<void>
  /** Waits until the SDK's queues are empty: everything was answered by the gateway. */
  drained(): Promise<void>
  /** Insert ids of the events that the SDK handed to the network. */
  sentInsertIds(): Promise<string[]>
  /** What the SDK or the page wrote to the console as warning or error, and requests that did not get 200. */
  complaints: string[]
  context: BrowserContext
}

export interface ActorOptions {
  gatewayUrl: string
  token: string
  userAgent?: string
  /** Page address on the site: path, query, fragment. */
  path?: string
  /** Where the visitor came from; becomes document.referrer. */
  referrer?: string
  /** More SDK options. */
  options?: Record<string, unknown>
}

/** Runs in the page. Kept as text: this project has no DOM types, and the page is not our program. */
const pageScript = `
window.sent = []
window.start = (token, options) => {
  window.mp = window.mixpanel
  window.mp.init(token, Object.assign({
    persistence: 'localStorage',
    batch_flush_interval_ms: 300,
    track_pageview: false,
    hooks: { before_send_events: (event) => { window.sent.push(event.properties.$insert_id); return event } },
  }, options))
}
window.act = (calls) => {
  for (const [method, ...args] of calls) {
    if (method === 'get_group') window.mp.get_group(args[0], args[1])[args[2]](...args.slice(3))
    else if (method.startsWith('people.')) window.mp.people[method.slice(7)](...args)
    else window.mp[method](...args)
  }
}
window.queued = (token) => ['ev', 'pp', 'gr'].reduce((sum, kind) => {
  const held = localStorage.getItem('__mpq_' + token + '_' + kind)
  return sum + JSON.parse(held || '[]').length
}, 0)
`

export async function openActor(browser: Browser, site: Site, options: ActorOptions): Promise<BrowserActor> {
  const context = await browser.newContext(options.userAgent === undefined ? {} : { userAgent: options.userAgent })
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(`console ${message.type()}: ${message.text()}`)
  })
  page.on('pageerror', (error) => complaints.push(`page error: ${error.message}`))
  page.on('response', (response) => {
    if (response.url().startsWith(options.gatewayUrl) && response.status() !== 200) {
      complaints.push(`${response.status()} from ${new URL(response.url()).pathname}`)
    }
  })
  page.on('requestfailed', (request) => {
    if (request.url().startsWith(options.gatewayUrl))
      complaints.push(`failed ${new URL(request.url()).pathname}: ${request.failure()?.errorText}`)
  })
  await page.addInitScript(pageScript)
  await page.goto(`${site.url}${options.path ?? '/'}`, options.referrer === undefined ? {} : { referer: options.referrer })
  const settings = { api_host: options.gatewayUrl, ...options.options }
  await page.evaluate(`window.start(${JSON.stringify(options.token)}, ${JSON.stringify(settings)})`)
  return {
    page,
    context,
    complaints,
    call: async (...calls) => void (await page.evaluate(`window.act(${JSON.stringify(calls)})`)),
    drained: async () => {
      for (let quiet = 0, looks = 0; quiet < 3; looks++) {
        const queued = Number(await page.evaluate(`window.queued(${JSON.stringify(options.token)})`))
        quiet = queued === 0 ? quiet + 1 : 0
        if (looks * LOOK_EVERY_MS > PATIENCE_MS) throw new BulkheadError('drill_failed', `the browser SDK still holds ${queued} records`)
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
      }
    },
    sentInsertIds: async () => [...new Set((await page.evaluate('window.sent')) as string[])],
  }
}
