/**
 * The real program as a child process, in a folder of its own: data, keys and home lie below it, so nothing of the
 * person who runs a drill or a test is touched. Started through the launcher, as people start it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { BulkheadError } from '#base/errors.ts'
import { isSameProcess } from '#base/processes.ts'

export const ROLES = ['supervisor', 'gateway', 'vault', 'worker', 'staff', 'warehouse'] as const
export type ProgramRole = (typeof ROLES)[number]

const ownLauncher = path.join(import.meta.dirname, '..', '..', 'bin', 'bulkhead.mjs')

export interface ProgramOptions {
  /** Folder that holds all of it; made when absent. */
  folder: string
  /** Text of bulkhead.yaml; undefined starts without a file. */
  config?: string
  /** More environment, for `${…}` in the configuration. */
  env?: Record<string, string>
  /** Fixed ports, so that a restart keeps the address that SDKs know. */
  port?: number
  consolePort?: number
  readyMs?: number
  /** Another checkout's launcher; this one's when absent. */
  launcher?: string
}

export interface CommandResult {
  code: number
  stdout: string
  stderr: string
  ms: number
}

export interface ProcessRef {
  role: string
  pid: number
  startTime: string
}

export interface Program {
  readonly folder: string
  readonly dataDir: string
  readonly keysDir: string
  readonly port: number
  readonly consolePort: number
  readonly gatewayUrl: string
  readonly consoleUrl: string
  readonly launcher: ChildProcess
  /** Everything that was printed so far, of this start and earlier ones. */
  output(): { stdout: string; stderr: string }
  /** Runs the command line against this data folder. Never rejects: the exit code tells. */
  cli(args: readonly string[]): Promise<CommandResult>
  /** Live processes of the roles, the supervisor included. */
  processes(): ProcessRef[]
  /** Sends a signal to a role; false when it does not live. */
  kill(role: ProgramRole, signal?: NodeJS.Signals): boolean
  /** True once /healthz has answered 200. */
  isReady(): Promise<boolean>
  waitReady(timeoutMs?: number): Promise<void>
  /** Ends with the launcher's exit code; kills what does not stop within the time. */
  stop(signal?: NodeJS.Signals, timeoutMs?: number): Promise<number>
  /** Starts it again on the same folder and ports. */
  restart(): Promise<void>
  /** Starts it again once it has ended, without waiting. */
  launch(): void
  /** Resolves when the launcher has ended. */
  readonly ended: Promise<number>
}

/**
 * Ports that are free, below those that a system gives to connections: one of these is lost to any connection that begins while its
 * program is down, and a client that tries to reach it may even be connected to itself. Each is the lower of a pair whose upper one
 * this process holds until it ends, so nobody else who asks here gets it while its program is down.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = PORTS_FROM + 2 * Math.floor((Math.random() * (PORTS_TO - PORTS_FROM)) / 2)
    const guard = await listenOn(port + 1)
    const server = guard && (await listenOn(port))
    if (server === undefined) guard?.close()
    else {
      await new Promise((resolve) => server.close(resolve))
      ports.push(port)
    }
  }
  return ports
}

/** Above 10080, the highest port that fetch and browsers refuse to ask (Fetch standard, port blocking). */
const PORTS_FROM = 10_082
/** Where Linux begins (ip_local_port_range); others begin higher. */
const PORTS_TO = 32_768

/** Keeps no process alive. Undefined: the port is taken. */
function listenOn(port: number): Promise<net.Server | undefined> {
  const server = net.createServer((socket) => socket.destroy())
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)))
    server.listen(port, '127.0.0.1', () => resolve(server.unref()))
  })
}

export const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Between two looks no more than this counts as waiting: a machine that stood still was not slow. */
const LOOK_MS_MAX = 1000

/** Asks until it is so. `what` ends the sentence "gave up waiting until …". */
export async function waitUntil(what: string, isSo: () => boolean | Promise<boolean>, timeoutMs = 120_000, everyMs = 50): Promise<void> {
  for (let waitedMs = 0; ; ) {
    const lookedAt = performance.now()
    if (await isSo()) return
    if (waitedMs > timeoutMs) throw new BulkheadError('drill_failed', `gave up after ${timeoutMs / 1000} s waiting until ${what}`)
    await delay(everyMs)
    waitedMs += Math.min(performance.now() - lookedAt, everyMs + LOOK_MS_MAX)
  }
}

/** Kills a role and waits until another process has its place and all of it is ready; false when it did not live. */
export async function killAndReturn(program: Program, role: Exclude<ProgramRole, 'supervisor'>): Promise<boolean> {
  const pidOf = (): number | undefined => program.processes().find((one) => one.role === role)?.pid
  const before = pidOf()
  if (!program.kill(role)) return false
  await waitUntil(`${role} runs again`, async () => ![undefined, before].includes(pidOf()) && (await program.isReady()))
  return true
}

/**
 * Lets this process see what lies in its sockets already. A vendor that lives in it would otherwise meet a request later than the answer
 * to the command that came after it: a new connection is accepted in one turn of the loop and read in the next.
 */
export async function caughtUp(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Environment of our children: nothing of the caller's Bulkhead or test run reaches them. */
function cleanEnvironment(folder: string, more: Record<string, string>): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = {}
  for (const name of ['PATH', 'LANG', 'TZ', 'TMPDIR', 'BULKHEAD_PROFILE', 'LD_PRELOAD', 'BULKHEAD_SHIM_CONTROL'])
    if (process.env[name] !== undefined) env[name] = process.env[name]
  return { ...env, HOME: path.join(folder, 'home'), BULKHEAD_KEYS: path.join(folder, 'keys'), ...more }
}

/** Runs one command of the program to its end. */
export function runCommand(
  args: readonly string[],
  options: { folder: string; env?: Record<string, string>; launcher?: string },
): Promise<CommandResult> {
  mkdirSync(path.join(options.folder, 'home'), { recursive: true })
  const startedAt = performance.now()
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [options.launcher ?? ownLauncher, ...args], {
      cwd: options.folder,
      env: cleanEnvironment(options.folder, options.env ?? {}),
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.on('close', (code) => resolve({ code: code ?? 128, stdout, stderr, ms: performance.now() - startedAt }))
  })
}

/** Starts and waits until it is ready. Throws with what it printed when it ends before that. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const program = await launchProgram(options)
  await program.waitReady(options.readyMs)
  return program
}

/** Starts without waiting. */
export async function launchProgram(options: ProgramOptions): Promise<Program> {
  mkdirSync(path.join(options.folder, 'home'), { recursive: true })
  const [freePort = 0, freeConsolePort = 0] = await freePorts(2)
  const program = new SpawnedProgram(options, options.port ?? freePort, options.consolePort ?? freeConsolePort)
  program.launch()
  return program
}

class SpawnedProgram implements Program {
  readonly folder: string
  readonly dataDir: string
  readonly keysDir: string
  readonly port: number
  readonly consolePort: number
  readonly gatewayUrl: string
  readonly consoleUrl: string
  readonly #env: Record<string, string>
  readonly #options: Pick<ProgramOptions, 'launcher'>
  readonly #readyMs: number | undefined
  readonly #args: string[]
  #launcher: ChildProcess | undefined
  #ended: Promise<number> = Promise.resolve(0)
  #exitCode: number | undefined
  #stdout = ''
  #stderr = ''

  constructor(options: ProgramOptions, port: number, consolePort: number) {
    this.folder = options.folder
    this.dataDir = path.join(options.folder, 'data')
    this.keysDir = path.join(options.folder, 'keys')
    this.port = port
    this.consolePort = consolePort
    const isTls = /^\s*tls:/m.test(options.config ?? '')
    this.gatewayUrl = `${isTls ? 'https' : 'http'}://127.0.0.1:${port}`
    this.consoleUrl = `http://127.0.0.1:${consolePort}`
    this.#env = options.env ?? {}
    this.#readyMs = options.readyMs
    this.#options = options.launcher === undefined ? {} : { launcher: options.launcher }
    this.#args = ['up', '--data', this.dataDir, '--port', String(port), '--console-port', String(consolePort)]
    if (options.config !== undefined) {
      const file = path.join(options.folder, 'bulkhead.yaml')
      writeFileSync(file, options.config)
      this.#args.push('--config', file)
    }
  }

  get launcher(): ChildProcess {
    if (this.#launcher === undefined) throw new Error('not started')
    return this.#launcher
  }

  get ended(): Promise<number> {
    return this.#ended
  }

  launch(): void {
    // A group of its own, so that a signal to the group can be tried; the launcher watches its parent either way.
    const child = spawn(process.execPath, [this.#options.launcher ?? ownLauncher, ...this.#args], {
      cwd: this.folder,
      env: cleanEnvironment(this.folder, this.#env),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    this.#exitCode = undefined
    this.#launcher = child
    this.#ended = new Promise((resolve) => {
      child.on('close', (code) => {
        this.#exitCode = code ?? 128
        resolve(this.#exitCode)
      })
    })
  }

  output(): { stdout: string; stderr: string } {
    return { stdout: this.#stdout, stderr: this.#stderr }
  }

  cli(args: readonly string[]): Promise<CommandResult> {
    return runCommand([...args, '--data', this.dataDir], { folder: this.folder, env: this.#env, ...this.#options })
  }

  processes(): ProcessRef[] {
    const found: ProcessRef[] = []
    const run = readJson<{ pid: number; startTime: string }>(path.join(this.dataDir, 'run.json'))
    if (run !== undefined) found.push({ role: 'supervisor', pid: run.pid, startTime: run.startTime })
    found.push(...(readJson<ProcessRef[]>(path.join(this.dataDir, 'children.json')) ?? []))
    return found.filter((one) => isSameProcess(one.pid, one.startTime))
  }

  kill(role: ProgramRole, signal: NodeJS.Signals = 'SIGKILL'): boolean {
    const target = this.processes().find((one) => one.role === role)
    if (target === undefined) return false
    try {
      process.kill(target.pid, signal)
      return true
    } catch {
      // It ended between the look and the signal.
      return false
    }
  }

  async isReady(): Promise<boolean> {
    try {
      const answer = await fetch(`${this.consoleUrl}/healthz`, { signal: AbortSignal.timeout(2000) })
      await answer.arrayBuffer()
      return answer.status === 200
    } catch {
      // Nothing listens yet.
      return false
    }
  }

  async waitReady(timeoutMs = 180_000): Promise<void> {
    await waitUntil(
      '/healthz of the program answers 200',
      async () => {
        if (this.#exitCode !== undefined) {
          throw new BulkheadError('drill_failed', `the program ended with ${this.#exitCode} while it started:\n${this.#tail()}`)
        }
        return this.isReady()
      },
      timeoutMs,
    ).catch((error: unknown) => {
      throw error instanceof BulkheadError ? new BulkheadError(error.code, `${error.message}\n${this.#tail()}`) : error
    })
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM', timeoutMs = 120_000): Promise<number> {
    if (this.#exitCode !== undefined) return this.#exitCode
    const alive = this.processes()
    this.launcher.kill(signal)
    const timer = setTimeout(() => {
      for (const one of alive) if (isSameProcess(one.pid, one.startTime)) process.kill(one.pid, 'SIGKILL')
      this.launcher.kill('SIGKILL')
    }, timeoutMs)
    const code = await this.#ended
    clearTimeout(timer)
    return code
  }

  async restart(): Promise<void> {
    await this.#ended
    this.launch()
    await this.waitReady(this.#readyMs)
  }

  /** Why it failed stands on stderr; test runners cut what is long. */
  #tail(): string {
    return `${this.#stderr.slice(-2000)}\n${this.#stdout.slice(-500)}`
  }
}

function readJson<T>(file: string): T | undefined {
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T
  } catch {
    // Replaced or removed while it was read.
    return undefined
  }
}
