/**
 * The parent of all roles: takes the instance lock, starts the roles in order, restarts one that dies, and stops them in
 * the order in which nothing acknowledged is lost. It holds no data and no vendor socket itself.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import os from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { BulkheadError, isErrorCode } from '#base/errors.ts'
import { processStartTime } from '#base/processes.ts'
import { openReserve, type Reserve } from '#base/reserve.ts'
import type { Config } from '#model/config.ts'
import { finishCreation, type Instance, writeChildren } from './instance.ts'
import {
  CALLERS,
  encodeInit,
  type FromChild,
  ROLES,
  type Role,
  type RoleInit,
  type RoleStatus,
  reservePath,
  type ToChild,
  tokensFor,
} from './role.ts'
import { relayTrace, trace } from './trace.ts'

const RESTART_MS_MIN = 100
const RESTART_MS_MAX = 5000
/** For one that ends before it is ready: whatever keeps it from starting will not be gone in a second. */
const RESTART_UNREADY_MS_MAX = 30_000
/** A role that was ready for so long has left its troubles behind. */
const WELL_MS = 10_000
/**
 * A role is asked whether its loop still turns, and killed when it has not answered so often in a row: it is stopped, or
 * caught in itself. Counted in questions and not in time, so that a machine that slept kills nobody. A start may block the
 * loop for long (a large log is read anew).
 */
const PING_MS = 2000
const UNANSWERED_MAX = { starting: 300, ready: 15 } as const
/** How long a role may take to finish its work before it is killed; the log keeps what it leaves. */
const STOP_MS: Record<Role, number> = { gateway: 10_000, worker: 15_000, staff: 3000, warehouse: 15_000, vault: 5000 }
/** Each query that runs in the warehouse holds a thread of libuv's pool, which has four unless told otherwise. */
const ROLE_ENV: Partial<Record<Role, Record<string, string>>> = { warehouse: { UV_THREADPOOL_SIZE: '16' } }
/** For the first children.json of a start, and for file systems that write elsewhere what is written over. */
const RESERVE_BYTES = 1024 ** 2
/**
 * What a request holds lives until its window is on disk, some milliseconds: in a young generation of the usual size it is copied
 * several times before it dies, and collecting took a sixth of the gateway's time.
 */
const ROLE_FLAGS: Partial<Record<Role, readonly string[]>> = { gateway: ['--max-semi-space-size=64'] }
/** What stands behind the log can wait when processors are short; an SDK that waits for its answer cannot (nice(2)). */
const ROLE_NICENESS: Partial<Record<Role, number>> = { worker: 5, warehouse: 5 }
const FIXED_ENV = { TZ: 'UTC', LANG: 'C.UTF-8', NODE_ENV: 'production' }
/** A library that whoever started us wants under each process: an allocator, or the layer of our own crash tests. */
const PRELOADED = /^(LD_PRELOAD|BULKHEAD_SHIM_\w+|BULKHEAD_CLOCK)$/
const STOP_ORDER: readonly Role[] = ['gateway', 'worker', 'staff', 'warehouse', 'vault']

export interface SupervisorOptions {
  instance: Instance
  config: Config
  host: string
  port: number
  consoleHost: string
  consolePort: number
  version: string
  /** For tests: another program in the place of the roles, and less patience. */
  entry?: string
  pingMs?: number
}

/** Starts of a role that somebody else's SIGKILL, of it or of the vault, may end (a cut that goes round us, a system short of memory). */
const FIRST_STARTS_MAX = 4
const VAULT_BACK_MS = 1000

interface Running {
  process: ChildProcess
  state: RoleStatus['state']
  restarts: number
  since: number
  facts: Record<string, string | number>
  failures: number
  fatal: { code: string; message: string } | undefined
  /** What its predecessor said. */
  fault: { code: string; message: string } | undefined
  unanswered: number
  /** On a clock that is never set. */
  readyAtMs: number | undefined
  readied: Promise<void>
  /** Resolves when the process has ended. */
  ended: Promise<void>
  /** Resolve the two. */
  onReady: () => void
  onEnd: () => void
}

export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #tokens: Record<string, Record<string, string>>
  readonly #roles = new Map<Role, Running>()
  readonly #ports = new Map<Role, number>()
  /** Roles that were ready once: from then on one that ends is started again, whatever it says. */
  readonly #proven = new Set<Role>()
  readonly #entry: string
  readonly #reserve: Reserve
  readonly #pinging: NodeJS.Timeout
  #stopping = false

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#entry = options.entry ?? fileURLToPath(new URL('./role-main.ts', import.meta.url))
    this.#reserve = openReserve({ file: reservePath(options.instance, 'supervisor'), bytes: RESERVE_BYTES })
    this.#pinging = setInterval(() => this.#ping(), options.pingMs ?? PING_MS)
    this.#tokens = Object.fromEntries(
      Object.entries(CALLERS).map(([server, callers]) => [
        server,
        Object.fromEntries(callers.map((caller) => [caller, randomBytes(32).toString('hex')])),
      ]),
    )
  }

  /** Starts every role, each after the one before it is ready. Throws what the first failing role said. */
  async start(): Promise<Record<Role, Record<string, string | number>>> {
    const facts: Partial<Record<Role, Record<string, string | number>>> = {}
    for (const role of ROLES) {
      facts[role] = await this.#startFirst(role)
      if (role === 'vault') finishCreation(this.#options.instance)
    }
    return facts as Record<Role, Record<string, string | number>>
  }

  status(): RoleStatus[] {
    return [...this.#roles].map(([role, running]) => ({
      role,
      pid: running.process.pid ?? 0,
      state: running.state,
      restarts: running.restarts,
      since: running.since,
      failures: running.failures,
      ...faultOf(running),
    }))
  }

  async stop(): Promise<void> {
    this.#stopping = true
    clearInterval(this.#pinging)
    for (const role of STOP_ORDER) {
      const running = this.#roles.get(role)
      if (running === undefined || running.state === 'stopped') continue
      this.#tell(running, { type: 'stop' })
      const timer = setTimeout(() => {
        trace('warn', role, `did not stop within ${STOP_MS[role] / 1000} s and was killed`)
        running.process.kill('SIGKILL')
      }, STOP_MS[role])
      await running.ended
      clearTimeout(timer)
    }
    this.#reserve.close()
  }

  async #startFirst(role: Role): Promise<Record<string, string | number>> {
    for (let starts = 0; ; starts++) {
      if (this.#stopping) throw new BulkheadError('not_running', 'it was stopped while it started')
      const running = this.#spawn(role, starts)
      await Promise.race([running.readied, running.ended])
      if (this.#proven.has(role)) return running.facts
      const { fatal } = running
      const isKilled = fatal === undefined && running.process.signalCode === 'SIGKILL'
      // What was killed is the vault, which this role asked while it started; the vault is started again.
      const isLeftAlone = fatal?.code === 'vault_unavailable' && this.#proven.has('vault')
      if ((isKilled || isLeftAlone) && starts + 1 < FIRST_STARTS_MAX) {
        if (isLeftAlone) await sleep(VAULT_BACK_MS)
        continue
      }
      const code = fatal !== undefined && isErrorCode(fatal.code) ? fatal.code : 'internal'
      throw new BulkheadError(code, fatal?.message ?? `the ${role} process ended while it started`)
    }
  }

  #spawn(role: Role, restarts: number, before?: Pick<Running, 'failures' | 'fatal' | 'fault'>): Running {
    const child = fork(this.#entry, [], {
      execArgv: ['--disable-warning=ExperimentalWarning', ...(ROLE_FLAGS[role] ?? []), ...profiling()],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // Orders come over the channel; the environment may hold vendor secrets that a child has no use for.
      env: { ...preloaded(), PATH: process.env.PATH, HOME: process.env.HOME, ...FIXED_ENV, ...ROLE_ENV[role] },
      cwd: this.#options.instance.dataDir,
    })
    yieldProcessors(child.pid, ROLE_NICENESS[role])
    const ready = Promise.withResolvers<void>()
    const end = Promise.withResolvers<void>()
    const running: Running = {
      process: child,
      state: 'starting',
      restarts,
      since: Date.now(),
      facts: {},
      failures: before?.failures ?? 0,
      fatal: undefined,
      fault: before?.fatal ?? before?.fault,
      unanswered: 0,
      readyAtMs: undefined,
      readied: ready.promise,
      ended: end.promise,
      onReady: ready.resolve,
      onEnd: end.resolve,
    }
    this.#roles.set(role, running)
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        for (const line of text.split('\n')) if (line.trim() !== '') relayTrace(role, line)
      })
    }
    child.on('message', (message: FromChild) => this.#hear(role, running, message))
    child.on('exit', (code, signal) => this.#ended(role, running, signal ?? String(code)))
    child.on('error', (error: NodeJS.ErrnoException) => {
      // Without a pid it never began, and no exit follows; other errors are of signals and messages to one that has ended.
      if (child.pid === undefined) this.#ended(role, running, error.code ?? 'not started')
    })
    const { instance, config, host, port, consoleHost, consolePort, version } = this.#options
    const init: RoleInit = {
      role,
      instance,
      config,
      tokens: tokensFor(role, this.#tokens),
      host,
      // A port that the system chose at the start stays the port after a restart.
      port: this.#ports.get('gateway') ?? port,
      consoleHost,
      consolePort: this.#ports.get('staff') ?? consolePort,
      version,
    }
    // On record before it gets its orders: whoever must end it when we cannot (a cut, the next start) finds it there.
    if (this.#writeChildren()) this.#tell(running, { type: 'init', init: encodeInit(init) })
    else child.kill('SIGKILL')
    return running
  }

  #ended(role: Role, running: Running, why: string): void {
    if (running.state === 'stopped') return
    running.state = 'stopped'
    running.onEnd()
    this.#writeChildren()
    if (!this.#stopping && this.#proven.has(role) && this.#roles.get(role) === running) this.#restart(role, running, why)
  }

  #restart(role: Role, before: Running, why: string): void {
    const ranWell = before.readyAtMs !== undefined && performance.now() - before.readyAtMs > WELL_MS
    const failures = ranWell ? 0 : before.failures + 1
    const longest = before.readyAtMs === undefined ? RESTART_UNREADY_MS_MAX : RESTART_MS_MAX
    const waitMs = Math.min(longest, RESTART_MS_MIN * 2 ** Math.min(Math.max(0, failures - 1), 12))
    const restarts = before.restarts + 1
    before.failures = failures
    const said = before.fatal === undefined ? '' : `; ${before.fatal.code}: ${before.fatal.message}`
    trace('error', role, `ended (${why}${said}); starting it again in ${waitMs} ms`)
    setTimeout(() => {
      if (this.#stopping) return
      try {
        this.#spawn(role, restarts, before)
      } catch (thrown) {
        // The system has no room for a process now; the next try may find some.
        this.#restart(role, { ...before, restarts, readyAtMs: undefined }, (thrown as NodeJS.ErrnoException).code ?? 'not started')
      }
    }, waitMs)
  }

  #ping(): void {
    for (const [role, running] of this.#roles) {
      if (running.state === 'stopped') continue
      if (running.unanswered < UNANSWERED_MAX[running.state]) {
        running.unanswered++
        this.#tell(running, { type: 'ping' })
      } else if (running.unanswered === UNANSWERED_MAX[running.state]) {
        running.unanswered++
        trace('error', role, 'does not answer any more and is killed')
        // It cannot say so itself.
        running.fatal = { code: 'role_silent', message: `the ${role} process did not answer` }
        running.process.kill('SIGKILL')
      }
    }
  }

  #hear(role: Role, running: Running, message: FromChild): void {
    running.unanswered = 0
    if (message.type === 'ready') {
      running.state = 'ready'
      running.readyAtMs = performance.now()
      running.facts = { ...message.facts }
      this.#proven.add(role)
      running.onReady()
      if (typeof message.facts.port === 'number') this.#ports.set(role, message.facts.port)
      if (running.restarts > 0) trace('info', role, 'runs again')
    } else if (message.type === 'fatal') {
      running.fatal = message
      if (running.restarts > 0 || running.state === 'ready') trace('error', role, `${message.code}: ${message.message}`)
    } else if (message.type === 'trace') {
      trace(message.level, role, message.text)
    } else if (message.type === 'request' && role === 'staff') {
      this.#answer(running, message).catch((error: unknown) => {
        this.#tell(running, { type: 'reply', id: message.id, error: error instanceof Error ? error.message : String(error) })
      })
    }
  }

  async #answer(asker: Running, request: Extract<FromChild, { type: 'request' }>): Promise<void> {
    if (request.call === 'status') return this.#tell(asker, { type: 'reply', id: request.id, body: this.status() })
    const target = request.role === undefined ? undefined : this.#roles.get(request.role)
    if (target === undefined) throw new Error('no such role')
    target.process.kill('SIGKILL')
    const gone = await Promise.race([
      target.ended.then(() => true),
      new Promise<boolean>((resolve) => {
        setTimeout(() => resolve(false), 5000).unref()
      }),
    ])
    this.#tell(asker, { type: 'reply', id: request.id, body: { pid: target.process.pid ?? 0, gone } })
  }

  #tell(running: Running, message: ToChild): void {
    if (running.process.connected) running.process.send(message, undefined, undefined, () => undefined)
  }

  /** False when it could not be written (a full disk, say): the supervisor must outlive that. */
  #writeChildren(): boolean {
    const children = [...this.#roles].flatMap(([role, running]) => {
      const pid = running.process.pid
      const startTime = pid === undefined || running.state === 'stopped' ? undefined : processStartTime(pid)
      return pid === undefined || startTime === undefined ? [] : [{ role, pid, startTime }]
    })
    try {
      this.#reserve.room(() => writeChildren(this.#options.instance, children))
      return true
    } catch (thrown) {
      trace('error', 'supervisor', `children.json cannot be written (${(thrown as NodeJS.ErrnoException).code ?? 'no reason given'})`)
      return false
    }
  }
}

function yieldProcessors(pid: number | undefined, niceness: number | undefined): void {
  if (pid === undefined || niceness === undefined) return
  try {
    os.setPriority(pid, niceness)
  } catch {
    // It has ended already, or is nicer than that: started by a nice parent, and only root may go back.
  }
}

function preloaded(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => PRELOADED.test(name)))
}

/** Of a role that is not there: what it said at its last end. */
function faultOf({ state, fatal, fault }: Running): Pick<RoleStatus, 'fault'> {
  const said = fatal ?? fault
  return state === 'ready' || said === undefined ? {} : { fault: { code: said.code, message: said.message } }
}

/** `BULKHEAD_PROFILE=DIR`: every role leaves a CPU profile there when it stops (docs/HACKING.md). Holds names of code only. */
function profiling(): string[] {
  const folder = process.env.BULKHEAD_PROFILE
  return folder ? ['--cpu-prof', `--cpu-prof-dir=${folder}`] : []
}
