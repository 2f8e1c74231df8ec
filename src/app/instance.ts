/**
 * One Bulkhead on one data folder: where things lie, who holds it, and what an earlier run left behind.
 *
 * `FORMAT` is written when the data folder is created and never again. Until the keys exist the file is called
 * `FORMAT.creating`, so that a crash in the first second is finished by the next start and never mistaken for lost keys.
 */
import { randomUUID } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { BulkheadError } from '#base/errors.ts'
import { isDamaged, makeFolderDurably, syncFolder, rewriteDurably, writeFileDurably } from '#base/files.ts'
import { isSameProcess, processStartTime } from '#base/processes.ts'

export const DATA_FORMAT = 1
/** https://www.sqlite.org/rescode.html#busy */
const SQLITE_BUSY = 5

export interface Instance {
  instanceId: string
  /** True until the keys of a new instance exist. */
  creating: boolean
  dataDir: string
  keysDir: string
  runtimeDir: string
  recordsPath: string
  ledgerDir: string
  logDir: string
  waitingDir: string
  warehouseDir: string
  evidenceDir: string
}

/** What a running instance tells others about itself; in `run.json`. */
export interface Run {
  pid: number
  startTime: string
  consoleUrl: string
  gatewayUrl: string
  startedAt: number
}

export interface Child {
  role: string
  pid: number
  startTime: string
}

export function openInstance(options: { dataDir: string; create: boolean; env?: NodeJS.ProcessEnv }): Instance {
  const env = options.env ?? process.env
  const dataDir = path.resolve(options.dataDir)
  const format = path.join(dataDir, 'FORMAT')
  const creating = `${format}.creating`
  if (!existsSync(format) && !existsSync(creating)) {
    if (existsSync(path.join(dataDir, RESTORING))) {
      throw new BulkheadError('data_dir_foreign', `a restore into ${dataDir} was ended before it was whole: repeat it`)
    }
    if (existsSync(dataDir) && !statSync(dataDir).isDirectory())
      throw new BulkheadError('data_dir_foreign', `${dataDir} is a file, not a folder`)
    if (existsSync(dataDir) && readdirSync(dataDir).some((name) => !DRAFT.test(name))) {
      throw new BulkheadError('data_dir_foreign', `${dataDir} is not empty and was not made by Bulkhead`)
    }
    if (!options.create) throw new BulkheadError('not_running', `there is no Bulkhead data in ${dataDir}`)
    makeDataFolder(dataDir)
    chmodSync(dataDir, 0o700)
    createOnce(creating, `bulkhead data ${DATA_FORMAT}\ninstance ${randomUUID()}\n`)
  }
  const isCreating = !existsSync(format)
  return instanceBy(isCreating ? creating : format, { dataDir, env, isCreating })
}

/** `FORMAT` of a folder that a restore is filling. */
export const RESTORING = 'FORMAT.restoring'

/** The paths of a folder that is being restored. */
export function restoringInstance(dataDir: string, env: NodeJS.ProcessEnv): Instance {
  return instanceBy(path.join(dataDir, RESTORING), { dataDir, env, isCreating: false })
}

function instanceBy(format: string, given: { dataDir: string; env: NodeJS.ProcessEnv; isCreating: boolean }): Instance {
  const { dataDir, env, isCreating } = given
  const text = readFileSync(format, 'utf8')
  const match = /^bulkhead data (\d+)\ninstance ([0-9a-f-]{36})\n$/.exec(text)
  if (match === null) throw new BulkheadError('data_dir_foreign', `${format} is not a file that Bulkhead wrote`)
  if (Number(match[1]) > DATA_FORMAT) {
    throw new BulkheadError('data_format_newer', `the data in ${dataDir} has format ${match[1]}, this program knows up to ${DATA_FORMAT}`)
  }
  const instanceId = match[2] as string
  const keysDir = keysFolder(instanceId, env)
  if (`${keysDir}${path.sep}`.startsWith(`${dataDir}${path.sep}`)) {
    throw new BulkheadError('key_place_wrong', 'the key folder lies in the data folder: a copy of the data would carry its keys')
  }
  return {
    instanceId,
    creating: isCreating,
    dataDir,
    keysDir,
    runtimeDir: runtimeFolder(instanceId, env),
    recordsPath: path.join(dataDir, 'records.db'),
    ledgerDir: path.join(dataDir, 'ledger'),
    logDir: path.join(dataDir, 'log'),
    waitingDir: path.join(dataDir, 'waiting'),
    warehouseDir: path.join(dataDir, 'warehouse'),
    evidenceDir: path.join(dataDir, 'evidence'),
  }
}

/** A `FORMAT.creating` before it has its name: all that a start leaves which ends in its first instant. */
const DRAFT = /^FORMAT\.creating\.\d+(\.new)?$/

/** Of two first starts at the same time one names the instance, and both read that name. */
function createOnce(file: string, text: string): void {
  const mine = `${file}.${process.pid}`
  writeFileDurably(mine, text)
  try {
    linkSync(mine, file)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown
  }
  rmSync(mine, { force: true })
  syncFolder(path.dirname(file))
}

/** Called once the keys of a new instance exist: from here on an absent key is an error for ever. */
export function finishCreation(instance: Instance): void {
  if (!instance.creating) return
  const format = path.join(instance.dataDir, 'FORMAT')
  for (const name of readdirSync(instance.dataDir)) if (DRAFT.test(name)) rmSync(path.join(instance.dataDir, name))
  renameSync(`${format}.creating`, format)
  syncFolder(instance.dataDir)
  instance.creating = false
}

function keysFolder(instanceId: string, env: NodeJS.ProcessEnv): string {
  if (env.BULKHEAD_KEYS) return path.resolve(env.BULKHEAD_KEYS)
  const dataHome = env.XDG_DATA_HOME || path.join(env.HOME || os.homedir(), '.local', 'share')
  return path.join(dataHome, 'bulkhead', instanceId)
}

function makeDataFolder(dataDir: string): void {
  try {
    makeFolderDurably(dataDir)
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error'
    throw new BulkheadError('data_dir_foreign', `${dataDir} cannot be made (${code})`, { cause })
  }
}

/** Sockets need a path of at most 107 bytes (sun_path of unix(7)), so they do not lie in the data folder. */
function runtimeFolder(instanceId: string, env: NodeJS.ProcessEnv): string {
  const name = `bulkhead-${os.userInfo().uid}-${instanceId.slice(0, 13)}`
  const base = env.XDG_RUNTIME_DIR && env.XDG_RUNTIME_DIR.length < 50 && existsSync(env.XDG_RUNTIME_DIR) ? env.XDG_RUNTIME_DIR : '/tmp'
  return path.join(base, name)
}

/** Makes a folder under a shared place, or refuses one that somebody else could have prepared. */
export function makeOwnFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const status = lstatSync(folder)
  if (!status.isDirectory() || status.uid !== os.userInfo().uid) {
    throw new BulkheadError('data_dir_foreign', `${folder} belongs to somebody else`, {
      hint: 'Remove it, or set XDG_RUNTIME_DIR to a folder of your own.',
    })
  }
  chmodSync(folder, 0o700)
}

/** The tree over the ledger's entries. */
export function tilesDir({ ledgerDir }: Pick<Instance, 'ledgerDir'>): string {
  return path.join(ledgerDir, 'tiles')
}

export interface InstanceLock {
  release(): void
}

/**
 * One Bulkhead per data folder: an exclusive lock of the operating system on `lock.db`, which kill -9 frees too. Throws
 * `already_running` with the holder's pid.
 */
export function lockInstance(dataDir: string): InstanceLock {
  const lock = takeLock(dataDir)
  if (lock !== undefined) return lock
  const holder = readRunFile(dataDir)
  throw new BulkheadError(
    'already_running',
    `a Bulkhead ${holder === undefined ? '' : `with pid ${holder.pid} `}runs on ${path.resolve(dataDir)}`,
  )
}

/**
 * One Bulkhead per instance on a machine. A copy of the data folder has a lock of its own but the sockets, the keys and the
 * list of children of the folder that it was copied from: it must touch none of them while that one runs.
 */
export function lockPlace(instance: Instance): InstanceLock {
  makeOwnFolder(instance.runtimeDir)
  const lock = takeLock(instance.runtimeDir)
  const holderFile = path.join(instance.runtimeDir, 'holder')
  if (lock !== undefined) {
    writeFileDurably(holderFile, `pid ${process.pid} on ${instance.dataDir}`)
    return {
      release: () => {
        // Sockets and the rest are of no use to anybody now; removed while the lock still keeps others out.
        rmSync(instance.runtimeDir, { recursive: true, force: true })
        lock.release()
      },
    }
  }
  const holder = existsSync(holderFile) ? ` (${readFileSync(holderFile, 'utf8')})` : ''
  throw new BulkheadError(
    'already_running',
    `the same instance runs already${holder}, and ${instance.dataDir} is another copy of its data`,
    {
      hint: 'Use the folder named above; a copy can be started only while the other is stopped.',
    },
  )
}

/** Undefined when another process holds it. */
function takeLock(folder: string, isEmptied = false): InstanceLock | undefined {
  const file = path.join(folder, 'lock.db')
  const database = new DatabaseSync(file, { timeout: 0 })
  try {
    database.exec('PRAGMA journal_mode = DELETE; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return { release: () => database.close() }
  } catch (thrown) {
    database.close()
    const { errcode } = thrown as { errcode?: number }
    if (errcode !== undefined && (errcode & 0xff) === SQLITE_BUSY) return undefined
    if (isDamaged(thrown) && !isEmptied) {
      // It holds nothing, and who holds the lock holds it on the file, whatever stands in it.
      truncateSync(file, 0)
      return takeLock(folder, true)
    }
    throw thrown
  }
}

function readRunFile(dataDir: string): Run | undefined {
  const file = path.join(dataDir, 'run.json')
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Run
  } catch {
    // It only says where to find who holds the lock; a file that says nothing is as good as none.
    return undefined
  }
}

/** The running instance on a data folder; undefined when none lives. */
export function readRun(dataDir: string): Run | undefined {
  const run = readRunFile(dataDir)
  return run !== undefined && isSameProcess(run.pid, run.startTime) ? run : undefined
}

export function writeRun(instance: Instance, run: Omit<Run, 'pid' | 'startTime'>): void {
  const text = JSON.stringify({ pid: process.pid, startTime: processStartTime(process.pid) ?? '', ...run })
  writeFileDurably(path.join(instance.dataDir, 'run.json'), text)
}

/** What lives only as long as a run: the files that name it, and the sockets. */
export function removeRun(instance: Instance): void {
  rmSync(path.join(instance.dataDir, 'run.json'), { force: true })
}

/** Only once all of them have ended. */
export function removeChildren(instance: Instance): void {
  for (const end of ['', '.new', '.old']) rmSync(path.join(instance.dataDir, `children.json${end}`), { force: true })
}

/** Room for every role several times over. */
const CHILDREN_BYTES = 4096

export function writeChildren(instance: Instance, children: readonly Child[]): void {
  rewriteDurably(path.join(instance.dataDir, 'children.json'), JSON.stringify(children), CHILDREN_BYTES)
}

export function readChildren(dataDir: string): Child[] {
  const file = path.join(dataDir, 'children.json')
  if (!existsSync(file)) return []
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as Child[]).map(({ role, pid, startTime }) => ({ role, pid, startTime }))
  } catch (cause) {
    throw new BulkheadError('data_dir_foreign', `${file} does not say which processes of an earlier run may still live`, {
      hint: 'Make sure that no process named "bulkhead …" is left of it, then remove the file.',
      cause,
    })
  }
}

/**
 * Ends processes of an earlier run that outlived their supervisor (a stopped one does not see its channel close): two
 * writers of one file must never live at a time. Returns how many there were.
 */
export async function killSurvivors(dataDir: string): Promise<number> {
  const alive = readChildren(dataDir).filter((child) => isSameProcess(child.pid, child.startTime))
  // They stop by themselves once the channel closes; what still lives after a moment is stopped or stuck.
  const patience = performance.now() + 1500
  while (performance.now() < patience && alive.some((child) => isSameProcess(child.pid, child.startTime))) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  for (const child of alive) killChild(child)
  const deadline = performance.now() + 5000
  while (alive.some((child) => isSameProcess(child.pid, child.startTime))) {
    if (performance.now() > deadline) {
      const stuck = alive.find((child) => isSameProcess(child.pid, child.startTime)) as Child
      throw new BulkheadError('vendor_unfenced', `the ${stuck.role} of an earlier run (pid ${stuck.pid}) cannot be killed`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return alive.length
}

/** SIGKILL, which ends a stopped process too; nothing when it has ended. */
export function killChild(child: Child): void {
  if (!isSameProcess(child.pid, child.startTime)) return
  try {
    process.kill(child.pid, 'SIGKILL')
  } catch (thrown) {
    // It ended by itself between the look and the signal.
    if ((thrown as NodeJS.ErrnoException).code !== 'ESRCH') throw thrown
  }
}

/** True when both folders lie on one file system: a stolen or lost disk then takes data and keys together. */
export function shareFileSystem(instance: Instance): boolean {
  return statSync(instance.dataDir).dev === statSync(instance.keysDir).dev
}

/** The name of the operator whose credential the first start wrote. */
export const FIRST_OPERATOR = 'operator'

/** The credential that the first start wrote for the command line; lies beside the keys, mode 0600. */
export function readOperatorCredential(instance: Instance): string {
  const file = path.join(instance.keysDir, FIRST_OPERATOR)
  if (!existsSync(file)) throw new BulkheadError('unauthorized', `no operator credential in ${instance.keysDir}`)
  return readFileSync(file, 'utf8').trim()
}
