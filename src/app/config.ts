/**
 * The configuration as everything else takes it: read, expanded, validated, decoded, secrets wrapped. Nothing is started
 * before all of it is right, and each complaint names line, column, what was found and what was expected.
 */
import { readFileSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import path from 'node:path'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { BulkheadError } from '#base/errors.ts'
import { Secret } from '#base/secret.ts'
import {
  APPROVALS_DEFAULTS,
  type Config,
  type ConsentConfig,
  type ConsentRuleConfig,
  type Credentials,
  DISK_DEFAULTS,
  type DestinationConfig,
  type GrantConfig,
  type KeysConfig,
  type SourceConfig,
  type VendorConfig,
} from '#model/config.ts'
import { defaultLimits, type SourceLimits } from '#model/source-limits.ts'
import { decodeClocks, findRulesFault } from './config-clocks.ts'
import { decodeLedger } from './config-ledger.ts'
import { decodeNotices, findNoticeFault, withPublicKey } from './config-notices.ts'
import { checkMeaning, decodeInstant } from './config-meaning.ts'
import { findTlsFault } from './config-tls.ts'
import { type ConfigFile, ConfigSchema, GROUP_KEYS_DEFAULT } from './config-schema.ts'
import { ConfigText, type Path, type Problem } from './config-text.ts'

const FILE_BYTES_MAX = 1024 * 1024

/** Protocols that this build speaks. */
export const PROTOCOLS: readonly string[] = ['mixpanel']

export interface ReadConfigOptions {
  /** Path of `bulkhead.yaml`. Absent: one source of the first protocol for any token, no vendor. */
  file?: string
  env: NodeJS.ProcessEnv
  /** Names that `protocol:` may have; default: all of this build. */
  protocols?: readonly string[]
}

/** Throws `config_unreadable` or `config_invalid`. */
export function readConfig(options: ReadConfigOptions): Config {
  const protocols = options.protocols ?? PROTOCOLS
  if (options.file === undefined) return configWithoutFile(protocols)
  const shown = path.relative(process.cwd(), options.file)
  const name = shown === '' || shown.startsWith('..') ? options.file : shown
  const folder = path.dirname(path.resolve(options.file))
  return decodeConfig({ text: readText(options.file), name, folder, env: options.env, protocols, checksFiles: true })
}

function configWithoutFile(protocols: readonly string[]): Config {
  const source: SourceConfig = {
    id: 'default',
    protocol: protocols[0] ?? 'mixpanel',
    token: undefined,
    trust: 'browser',
    namespace: 'default',
    surface: 'default',
    groupKeys: [...GROUP_KEYS_DEFAULT],
  }
  return { sources: [source], vendors: [], gateway: { tls: undefined, trustProxy: [] }, store: decodeStore(undefined), disk: DISK_DEFAULTS }
}

export function readText(file: string): string {
  try {
    if (statSync(file).size > FILE_BYTES_MAX) throw new BulkheadError('config_unreadable', `${file} is larger than 1 MiB`)
    return readFileSync(file, 'utf8')
  } catch (thrown) {
    if (thrown instanceof BulkheadError) throw thrown
    const code = (thrown as NodeJS.ErrnoException).code ?? 'unknown error'
    throw new BulkheadError('config_unreadable', `${file} cannot be read (${code})`, { cause: thrown })
  }
}

/** `name` is how errors call the file; relative paths in it start from `folder`, and `checksFiles` looks at what they name. */
export function decodeConfig(options: {
  text: string
  name: string
  folder: string
  env: NodeJS.ProcessEnv
  protocols: readonly string[]
  checksFiles?: boolean
}): Config {
  const text = new ConfigText(options.name, options.text, options.env)
  const value = text.value() ?? {}
  text.refuse(shapeProblems(value, text))
  const file = value as ConfigFile
  text.refuse(checkMeaning(file, text, options.protocols, isIP))
  const given = file.gateway?.tls
  const tls =
    given === undefined ? undefined : { cert: path.resolve(options.folder, given.cert), key: path.resolve(options.folder, given.key) }
  const fault = tls === undefined || options.checksFiles !== true ? undefined : findTlsFault(tls)
  if (fault !== undefined) text.refuse([{ ...fault, offset: text.offsetOf(['gateway', 'tls', fault.key]) }])
  const clocks = decodeClocks(file.clocks, options.folder)
  const rules = clocks === undefined || options.checksFiles !== true ? undefined : findRulesFault(clocks)
  if (rules !== undefined) text.refuse([{ ...rules, offset: text.offsetOf(['clocks', 'rules']) }])
  const notices = decodeNotices(file.notices, options.folder)
  const unusable = notices === undefined || options.checksFiles !== true ? undefined : findNoticeFault(notices)
  if (unusable !== undefined) text.refuse([{ ...unusable, offset: text.offsetOf(['notices', ...unusable.at]) }])
  return {
    sources: file.sources.map(decodeSource),
    vendors: (file.vendors ?? []).map(decodeVendor),
    gateway: {
      tls,
      trustProxy: file.gateway?.trustProxy ?? [],
      ...(file.gateway?.networks && { networks: file.gateway.networks }),
      ...(file.gateway?.places && { places: file.gateway.places }),
      ...(file.gateway?.connectionsPerNetwork && { connectionsPerNetwork: file.gateway.connectionsPerNetwork }),
    },
    store: decodeStore(file.store),
    disk: { ...DISK_DEFAULTS, ...file.disk },
    approvals: { ...APPROVALS_DEFAULTS, ...file.approvals },
    keys: decodeKeys(file.keys, options.folder),
    ...(file.consent && { consent: file.consent as ConsentConfig }),
    ledger: decodeLedger(file.ledger, options.folder),
    ...(notices && { notices: options.checksFiles === true ? withPublicKey(notices) : notices }),
    ...(clocks && { clocks }),
  }
}

const validate = new Ajv({ allErrors: true, verbose: true, strict: false }).compile(JSON.parse(JSON.stringify(ConfigSchema)))

export function shapeProblems(value: unknown, text: ConfigText, check: ValidateFunction = validate): Problem[] {
  if (check(value)) return []
  return (check.errors ?? []).map((error) => shapeProblem(error, value, text))
}

function shapeProblem(error: ErrorObject, value: unknown, text: ConfigText): Problem {
  const at = pathOf(error.instancePath, value)
  const schema = error.parentSchema as { description?: string; properties?: Record<string, { description?: string }> }
  if (error.keyword === 'additionalProperties') {
    const key = String((error.params as { additionalProperty: string }).additionalProperty)
    const known = Object.keys(schema.properties ?? {}).join(', ')
    return { offset: text.offsetOfKey(at, key), found: `the unknown key ${JSON.stringify(key.slice(0, 60))}`, expected: `one of ${known}` }
  }
  if (error.keyword === 'required') {
    const key = String((error.params as { missingProperty: string }).missingProperty)
    const place = at.length === 0 ? 'the file' : placeName(at)
    return {
      offset: text.offsetOf(at),
      found: `no ${key} in ${place}`,
      expected: `${key}: ${schema.properties?.[key]?.description ?? 'a value'}`,
    }
  }
  return { offset: text.offsetOf(at), found: text.describe(at), expected: schema.description ?? error.message ?? 'another value' }
}

/** `/vendors/0/destinations/1` as path, with list positions as numbers. */
function pathOf(pointer: string, value: unknown): Path {
  let current = value
  return pointer
    .split('/')
    .slice(1)
    .map((raw) => {
      const key = raw.replaceAll('~1', '/').replaceAll('~0', '~')
      const part = Array.isArray(current) ? Number(key) : key
      current = (current as Record<string | number, unknown>)[part]
      return part
    })
}

function placeName(at: Path): string {
  return at.map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${part}`)).join('')
}

function decodeKeys(keys: ConfigFile['keys'], folder: string): KeysConfig | undefined {
  if (keys === undefined) return undefined
  const { url, key, mount = 'transit', namespace, token, tokenFile, ca } = keys.transit
  const fileOf = (file: string | undefined): string | undefined => (file === undefined ? undefined : path.resolve(folder, file))
  const secret = token === undefined ? undefined : new Secret(token)
  return { transit: { url, key, mount, namespace, token: secret, tokenFile: fileOf(tokenFile), ca: fileOf(ca) } }
}

function decodeSource(source: ConfigFile['sources'][number]): SourceConfig {
  const trust = source.trust === 'server' ? 'server' : 'browser'
  return {
    id: source.id,
    protocol: source.protocol,
    token: source.token,
    trust,
    ...(source.limits && { limits: decodeLimits(source.limits, trust) }),
    namespace: source.namespace ?? 'default',
    surface: source.surface ?? source.id,
    groupKeys: unique(source.groupKeys ?? [...GROUP_KEYS_DEFAULT]),
    ...(source.consent === 'collected' && { consent: source.consent }),
    ...(source.consentKey !== undefined && { consentKey: source.consentKey }),
  }
}

/** What is not named keeps its default; a server source has shares of networks only when they are named. */
function decodeLimits(given: NonNullable<ConfigFile['sources'][number]['limits']>, trust: SourceConfig['trust']): SourceLimits {
  const limits = defaultLimits(trust)
  const network =
    given.network === undefined ? limits.network : { ...(limits.network ?? defaultLimits('browser').network), ...given.network }
  return { ...limits, ...given, network: network as SourceLimits['network'] }
}

function decodeVendor(vendor: NonNullable<ConfigFile['vendors']>[number]): VendorConfig {
  const destinations = vendor.destinations.map(
    (outlet): DestinationConfig => ({
      id: outlet.id,
      vendor: vendor.id,
      protocol: outlet.protocol,
      url: outlet.url.replace(/\/+$/, ''),
      token: outlet.token,
      credentials: decodeCredentials(outlet.credentials),
      deletionToken: outlet.deletionToken === undefined ? undefined : new Secret(outlet.deletionToken),
      ...(outlet.deletionDays !== undefined && { deletionDays: outlet.deletionDays }),
      grants: outlet.grants?.map(decodeGrant),
      events: { approved: unique(outlet.events?.approved ?? []) },
      properties: { approved: unique(outlet.properties?.approved ?? []) },
      ...(outlet.consent && { consent: outlet.consent as ConsentRuleConfig[] }),
    }),
  )
  return { id: vendor.id, name: vendor.name ?? vendor.id, kind: vendor.kind ?? 'analytics provider', destinations }
}

type CredentialsFile = NonNullable<ConfigFile['vendors']>[number]['destinations'][number]['credentials']

function decodeCredentials(credentials: CredentialsFile): Credentials {
  const account = credentials.serviceAccount
  if (account === undefined) return { kind: 'secret', secret: new Secret(credentials.secret ?? '') }
  return { kind: 'serviceAccount', user: account.user, secret: new Secret(account.secret), projectId: account.projectId }
}

type GrantFile = NonNullable<NonNullable<ConfigFile['vendors']>[number]['destinations'][number]['grants']>[number]

export function decodeGrant(grant: GrantFile): GrantConfig {
  return {
    field: grant.field as GrantConfig['field'],
    form: grant.form as GrantConfig['form'],
    purpose: grant.purpose,
    until: grant.until === undefined ? undefined : decodeInstant(grant.until),
    reason: grant.reason ?? '',
  }
}

export function decodeStore(store: ConfigFile['store']): Config['store'] {
  const approved = (list: { approved: string[] } | undefined) => ({ approved: unique(list?.approved ?? []) })
  return {
    events: approved(store?.events),
    properties: approved(store?.properties),
    paths: approved(store?.paths),
    referrers: approved(store?.referrers),
    ...(store?.consent && { consent: store.consent as ConsentRuleConfig }),
  }
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}
