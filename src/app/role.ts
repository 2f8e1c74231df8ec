/**
 * What a child process is told when it starts and what it says back, over the channel that the supervisor opened. The
 * channel's end is an order to stop.
 */
import { Secret } from '#base/secret.ts'
import type { Config } from '#model/config.ts'
import type { Instance } from './instance.ts'

export const ROLES = ['vault', 'warehouse', 'staff', 'worker', 'gateway'] as const
export type Role = (typeof ROLES)[number]

export interface RoleInit {
  role: Role
  instance: Instance
  config: Config
  /** `tokens[server][caller]`: what a caller shows to a server's socket. A role gets only the pairs it is part of. */
  tokens: Record<string, Record<string, string>>
  host: string
  port: number
  consoleHost: string
  consolePort: number
  version: string
}

export interface RunningRole {
  /** Lines for the start banner, e.g. the address that was really bound. */
  facts?: Record<string, string | number>
  /** Finishes what was begun; resolves when everything is durable. */
  stop(): Promise<void>
}

/** Calls that a role may make to the supervisor; only `staff` uses them. */
export interface SupervisorPort {
  status(): Promise<RoleStatus[]>
  /** SIGKILL, which also ends a stopped process; resolves with whether it is gone. A new one is started by itself. */
  killRole(role: Role): Promise<{ pid: number; gone: boolean }>
}

export interface RoleStatus {
  role: Role
  pid: number
  state: 'starting' | 'ready' | 'stopped'
  restarts: number
  since: number
  /** Ends in a row, each before it had run well for a while. */
  failures: number
  /** What it said when it ended last, while it is not ready again. */
  fault?: { code: string; message: string }
}

export type StartRole = (init: RoleInit, supervisor: SupervisorPort) => Promise<RunningRole>

export type ToChild =
  | { type: 'init'; init: unknown }
  | { type: 'stop' }
  | { type: 'ping' }
  | { type: 'reply'; id: number; body?: unknown; error?: string }
export type FromChild =
  | { type: 'ready'; facts: Record<string, string | number> }
  | { type: 'stopped' }
  | { type: 'pong' }
  | { type: 'fatal'; code: string; message: string }
  | { type: 'trace'; level: 'info' | 'warn' | 'error'; text: string }
  | { type: 'request'; id: number; call: 'status' | 'killRole'; role?: Role }

export function socketPath(instance: Instance, server: Role): string {
  return `${instance.runtimeDir}/${server}.sock`
}

/** Space that one process sets aside on the disk of the data folder. */
export function reservePath(instance: Pick<Instance, 'dataDir'>, role: Role | 'supervisor'): string {
  return `${instance.dataDir}/reserve/${role}`
}

/** Which role may call which server; everything else has no token. */
export const CALLERS: Record<'vault' | 'warehouse' | 'worker' | 'gateway', readonly Role[]> = {
  vault: ['gateway', 'worker', 'staff'],
  warehouse: ['worker', 'staff'],
  worker: ['gateway', 'staff'],
  gateway: ['staff'],
}

export function tokensFor(role: Role, all: Record<string, Record<string, string>>): Record<string, Record<string, string>> {
  const mine: Record<string, Record<string, string>> = {}
  for (const [server, callers] of Object.entries(all)) {
    if (server === role) mine[server] = callers
    else if (callers[role] !== undefined) mine[server] = { [role]: callers[role] }
  }
  return mine
}

/**
 * Secrets cross the channel (a private pipe) wrapped: those of vendors only to the worker, the one holder of vendor sockets,
 * and the key service's only to the vault; every other role gets the configuration without them.
 */
export function encodeInit(init: RoleInit): unknown {
  const { keys, ...config } = init.config
  const seen = (isMeant: boolean) => (secret: Secret) => ({ $secret: isMeant ? secret.reveal() : '' })
  const encoded = walk({ ...init, config }, seen(init.role === 'worker')) as { config: Record<string, unknown> }
  if (keys !== undefined) encoded.config.keys = walk(keys, seen(init.role === 'vault'))
  return encoded
}

export function decodeInit(encoded: unknown): RoleInit {
  return unwalk(encoded) as RoleInit
}

function walk(value: unknown, encode: (secret: Secret) => unknown): unknown {
  if (value instanceof Secret) return encode(value as Secret)
  if (Array.isArray(value)) return value.map((element) => walk(element, encode))
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, element]) => [key, walk(element, encode)]))
  }
  return value
}

function unwalk(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unwalk)
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
    if (entries.length === 1 && entries[0]?.[0] === '$secret') return new Secret(String(entries[0][1]))
    return Object.fromEntries(entries.map(([key, element]) => [key, unwalk(element)]))
  }
  return value
}
