/**
 * `bulkhead up`: opens or creates the instance, takes its lock, runs the supervisor until a signal or the launcher's end,
 * and stops cleanly. Prints for people on stdout; diagnostics go to stderr.
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import type { Config } from '#model/config.ts'
import { readConfig } from './config.ts'
import { refuseNewerFormats } from './formats.ts'
import {
  type Instance,
  type InstanceLock,
  killSurvivors,
  lockInstance,
  lockPlace,
  openInstance,
  removeChildren,
  removeRun,
  shareFileSystem,
  writeRun,
} from './instance.ts'
import type { Role } from './role.ts'
import { assertStoresPresent, markEstablished } from './stores.ts'
import { Supervisor } from './supervisor.ts'
import { trace } from './trace.ts'

export interface UpOptions {
  dataDir: string
  host: string
  port: number
  consoleHost: string
  consolePort: number
  /** undefined: `bulkhead.yaml` in the working folder when there is one. */
  configFile: string | undefined
  version: string
  env: NodeJS.ProcessEnv
}

/** Resolves with the exit code after everything has stopped. Throws before the start is complete. */
export async function runUp(options: UpOptions): Promise<number> {
  const configFile = options.configFile ?? (existsSync('bulkhead.yaml') ? path.resolve('bulkhead.yaml') : undefined)
  const config = readConfig({ ...(configFile === undefined ? {} : { file: configFile }), env: options.env })
  const instance = openInstance({ dataDir: options.dataDir, create: true, env: options.env })
  const isNew = instance.creating
  const lock = lockInstance(instance.dataDir)
  // From here on a signal must lead to a clean end, also in the middle of the start.
  const stop = stopOrder()
  let place: InstanceLock | undefined
  try {
    place = lockPlace(instance)
    refuseNewerFormats(instance)
    // Early, so that a second start can name the holder while this one is still starting.
    writeRun(instance, { consoleUrl: '', gatewayUrl: '', startedAt: Date.now() })
    const survivors = await killSurvivors(instance.dataDir)
    if (survivors > 0) trace('warn', 'supervisor', `ended ${survivors} processes of an earlier run`)
    assertStoresPresent(instance)
    const supervisor = new Supervisor({ ...options, instance, config })
    try {
      const started = supervisor.start()
      // A role that hangs in its start must not keep an order to stop waiting.
      const facts = await Promise.race([started, stop.ordered.then(() => undefined)])
      if (facts !== undefined) {
        const urls = {
          consoleUrl: `http://${urlHost(options.consoleHost)}:${facts.staff.port}`,
          gatewayUrl: `${config.gateway.tls === undefined ? 'http' : 'https'}://${urlHost(options.host)}:${facts.gateway.port}`,
        }
        markEstablished(instance)
        writeRun(instance, { ...urls, startedAt: Date.now() })
        process.stdout.write(banner({ ...urls, consoleHost: options.consoleHost, instance, isNew, config, configFile, facts }))
      }
      const why = await stop.ordered
      process.stdout.write(`\nStopping (${why}): finishing what was accepted …\n`)
    } finally {
      await supervisor.stop()
      removeChildren(instance)
    }
    process.stdout.write('Stopped. Nothing that was accepted is lost.\n')
    return 0
  } finally {
    if (place !== undefined) removeRun(instance)
    place?.release()
    lock.release()
  }
}

function urlHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}

/** The first TERM, INT, HUP or end of the launcher; a repeated INT after a second ends at once. */
function stopOrder(): { ordered: Promise<string> } {
  let first = 0
  const ordered = new Promise<string>((resolve) => {
    const order = (why: string): void => {
      if (first === 0) first = performance.now()
      // A terminal sends INT to the whole group and the launcher passes it on: within a second it is the same key press.
      else if (why === 'SIGINT' && performance.now() - first > 1000) process.exit(130)
      resolve(why)
    }
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => order(signal))
    if (process.env.BULKHEAD_LAUNCHED === '1') {
      process.on('disconnect', () => order('the launcher ended'))
      if (!process.connected) order('the launcher ended')
    }
  })
  return { ordered }
}

interface BannerFacts {
  consoleUrl: string
  consoleHost: string
  gatewayUrl: string
  instance: Instance
  isNew: boolean
  config: Config
  configFile: string | undefined
  facts: Record<Role, Record<string, string | number>>
}

function banner({ consoleUrl, consoleHost, gatewayUrl, instance, isNew, config, configFile, facts }: BannerFacts): string {
  const reach = /^(localhost|127\..*|::1)$/.test(consoleHost) ? 'this machine only' : 'not this machine alone, and without TLS'
  const destinations = config.vendors.flatMap((vendor) => vendor.destinations)
  const { host, protocol } = new URL(gatewayUrl)
  const lines = [
    '',
    `Bulkhead is ready${isNew ? ' (first start: data and keys were made)' : ''}.`,
    '',
    `  SDK traffic   ${gatewayUrl}`,
    `  Staff         ${consoleUrl}   (${reach})`,
    `  Data          ${instance.dataDir}`,
    `  Keys          ${instance.keysDir}`,
    '                Back this folder up apart from the data: without it nothing here can be opened, and nobody can make it again.',
    `  Configuration ${configFile ?? 'none: one Mixpanel source takes any token'}`,
    '',
    '  One line to change in the SDK:',
    `    browser   mixpanel.init('YOUR_TOKEN', { api_host: '${gatewayUrl}' })`,
    `    node      Mixpanel.init('YOUR_TOKEN', { host: '${host}', protocol: '${protocol.replace(':', '')}' })`,
    '',
  ]
  if (destinations.length === 0) lines.push('  No vendor is configured: nothing leaves. Events are kept for your own analytics.')
  else {
    const said = (word: string, vendors: string | number | undefined): string => (vendors ? `   ${word}: ${vendors}` : '')
    const flows = said('CUT', facts.staff.cut) + said('LEFT FOR GOOD', facts.staff.left)
    lines.push(`  Vendors       ${destinations.map((d) => `${d.vendor}/${d.id} → ${d.url}`).join(', ')}${flows}`)
    lines.push(`  Policy        version ${facts.staff.policyVersion}: only granted fields in granted forms leave`)
  }
  if (shareFileSystem(instance)) {
    lines.push('', '  Warning: data and keys lie on the same file system; who takes the disk takes both. Set BULKHEAD_KEYS to another one.')
  }
  lines.push('', '  Stop with Ctrl-C.', '', '')
  return lines.join('\n')
}
