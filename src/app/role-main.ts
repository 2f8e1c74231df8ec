/**
 * Entry of every child process: waits for its orders, becomes the role that they name, and stops when told to or when
 * the supervisor is gone. Signals from a terminal are ignored: the supervisor decides the order of stopping.
 */
import { toBulkheadError } from '#base/errors.ts'
import { moveClock } from '#base/moved-clock.ts'
import { decodeInit, type FromChild, type RoleStatus, type RunningRole, type StartRole, type SupervisorPort, type ToChild } from './role.ts'
import { sayable } from './trace.ts'

moveClock(process.env)

const starters: Record<string, () => Promise<StartRole>> = {
  vault: async () => (await import('./role-vault.ts')).startVault,
  warehouse: async () => (await import('./role-warehouse.ts')).startWarehouse,
  staff: async () => (await import('./role-staff.ts')).startStaffRole,
  worker: async () => (await import('./role-worker.ts')).startWorker,
  gateway: async () => (await import('./role-gateway.ts')).startGatewayRole,
}

let running: RunningRole | undefined
let stopping = false

function say(message: FromChild): void {
  // A supervisor that has just died makes the channel fail; its end stops us anyway.
  if (process.connected) process.send?.(message, undefined, {}, () => undefined)
}

function die(thrown: unknown): void {
  const error = toBulkheadError(thrown)
  say({ type: 'fatal', code: error.code, message: sayable(error) })
  setTimeout(() => process.exit(70), 50)
}

async function stop(): Promise<void> {
  if (stopping) return
  stopping = true
  await running?.stop()
  say({ type: 'stopped' })
  // The channel is the last thing that keeps the process alive; give the message a moment to leave.
  setTimeout(() => process.exit(0), 20)
}

const replies = new Map<number, { resolve: (body: unknown) => void; reject: (error: Error) => void }>()
let nextRequest = 1

function ask<Body>(request: { call: 'status' } | { call: 'killRole'; role: RoleStatus['role'] }): Promise<Body> {
  const id = nextRequest++
  return new Promise<Body>((resolve, reject) => {
    replies.set(id, { resolve: resolve as (body: unknown) => void, reject })
    say({ type: 'request', id, ...request })
  })
}

const supervisor: SupervisorPort = {
  status: () => ask({ call: 'status' }),
  killRole: (role) => ask({ call: 'killRole', role }),
}

process.on('SIGTERM', () => undefined)
process.on('SIGINT', () => undefined)
process.on('SIGHUP', () => undefined)
process.on('uncaughtException', die)
process.on('unhandledRejection', die)
process.on('disconnect', () => {
  // Nobody may wait for ever on a role that hangs while its supervisor is gone.
  setTimeout(() => process.exit(0), 10_000).unref()
  stop().catch(() => process.exit(70))
})
process.on('message', (message: ToChild) => {
  if (message.type === 'reply') {
    const waiter = replies.get(message.id)
    replies.delete(message.id)
    if (message.error === undefined) waiter?.resolve(message.body)
    else waiter?.reject(new Error(message.error))
    return
  }
  if (message.type === 'ping') return say({ type: 'pong' })
  if (message.type === 'stop') {
    stop().catch(die)
    return
  }
  begin(message.init).catch(die)
})

async function begin(encoded: unknown): Promise<void> {
  const init = decodeInit(encoded)
  process.title = `bulkhead ${init.role}`
  const starter = starters[init.role]
  if (starter === undefined) throw new Error(`no role ${init.role}`)
  running = await (await starter())(init, supervisor)
  say({ type: 'ready', facts: running.facts ?? {} })
}
