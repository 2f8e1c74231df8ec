#!/usr/bin/env node
/**
 * The only entry of every script. Plain JavaScript that an old Node (18 or newer) can run: it installs what the lock
 * file names when that is absent, finds Node 24, and runs the program (or, with `--run FILE`, a tool of the checkout)
 * under it. It passes signals on, ends with the program's exit code, and treats the death of its own parent as TERM.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const NODE_MAJOR = 24
const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const modules = path.join(root, 'node_modules')
const lockFile = path.join(root, 'package-lock.json')

function fail(message, hint) {
  process.stderr.write(`error[launcher]: ${message}\nhint: ${hint}\n`)
  process.exit(1)
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

function wantedStamp() {
  return `${createHash('sha256').update(readFileSync(lockFile)).digest('hex')} ${process.platform}-${process.arch}\n`
}

function isInstalled() {
  const stamp = path.join(modules, '.bulkhead-installed')
  if (!existsSync(stamp)) return false
  const [before, wanted] = [readFileSync(stamp, 'utf8'), wantedStamp()]
  return before === wanted || (before.split(' ')[1] === wanted.split(' ')[1] && holdsAllThatIsLocked())
}

/**
 * Whether npm's own list of what is there has each locked package in its version, and perhaps more: checkouts of two branches
 * may share one folder of modules, and neither should take out what the other has added.
 */
function holdsAllThatIsLocked() {
  const list = path.join(modules, '.package-lock.json')
  if (!existsSync(list)) return false
  const there = JSON.parse(readFileSync(list, 'utf8')).packages ?? {}
  const locked = JSON.parse(readFileSync(lockFile, 'utf8')).packages
  return Object.entries(locked).every(([place, { version, optional }]) => {
    if (place === '') return true
    // Optional ones may be of another platform; what is there of them is of the locked version all the same.
    return there[place] === undefined ? optional === true : there[place].version === version
  })
}

/** Runs npm with its chatter on our stderr, so that stdout stays the program's own. */
function npm(args) {
  const execPath = process.env.npm_execpath
  const viaNode = execPath?.endsWith('.js') === true
  // npm hands its own settings down as npm_config_*; a nested run that inherits them may act on the wrong scope.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(config|package|lifecycle)_/.test(name)))
  return new Promise((resolve) => {
    const child = spawn(viaNode ? process.execPath : 'npm', viaNode ? [execPath, ...args] : args, {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let tail = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        tail = (tail + chunk).slice(-4000)
      })
    }
    child.on('error', (error) => resolve({ code: 127, tail: String(error) }))
    child.on('close', (code) => resolve({ code: code ?? 1, tail }))
  })
}

function packagesPresent() {
  if (!existsSync(modules)) return 0
  return readdirSync(modules).reduce(
    (count, name) => count + (name.startsWith('@') ? readdirSync(path.join(modules, name)).length : name.startsWith('.') ? 0 : 1),
    0,
  )
}

/** Installs what is locked, once, also when several launchers start at the same time. */
async function install() {
  const lockDir = path.join(root, '.bulkhead-install')
  for (;;) {
    if (isInstalled()) return
    try {
      mkdirSync(lockDir)
      break
    } catch (error) {
      if (error.code !== 'EEXIST') fail(`cannot write to ${root}: ${error.code}`, 'Run it once as a user who may write there.')
      // A launcher that was killed leaves its folder behind; an installation takes minutes at most.
      const age = Date.now() - (existsSync(lockDir) ? statSync(lockDir).mtimeMs : Date.now())
      if (age > 10 * 60_000) rmdirSync(lockDir)
      await sleep(300)
    }
  }
  try {
    const wanted = Object.keys(JSON.parse(readFileSync(lockFile, 'utf8')).packages).length - 1
    const startedAt = Date.now()
    process.stderr.write(
      `bulkhead: installing the ${wanted} packages that this checkout locks (about 1 GB on disk, mostly the warehouse engine)\n`,
    )
    const progress = setInterval(() => {
      process.stderr.write(`bulkhead: … ${Math.round((Date.now() - startedAt) / 1000)} s, ${packagesPresent()} package folders\n`)
    }, 5000)
    // No install scripts: every native part comes prebuilt inside its package, and a script is somebody else's program.
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
    let result = await npm(['ci', ...quiet])
    if (result.code !== 0) {
      // `npm ci` wants every platform's optional packages in the lock, also those that the registry here does not have.
      process.stderr.write(
        'bulkhead: npm ci wants packages of other platforms; installing the locked versions with npm install --no-save\n',
      )
      result = await npm(['install', '--no-save', ...quiet])
    }
    clearInterval(progress)
    if (result.code !== 0) {
      process.stderr.write(`${result.tail}\n`)
      fail('the packages could not be installed', 'Check that npm reaches its registry, then run the same command again.')
    }
    writeFileSync(path.join(modules, '.bulkhead-installed'), wantedStamp())
    process.stderr.write(`bulkhead: installed in ${Math.round((Date.now() - startedAt) / 1000)} s\n`)
  } finally {
    rmdirSync(lockDir)
  }
}

/** The right Node: this one when it is new enough, else the one that a locked package carries. */
function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR) return process.execPath
  const carried = path.join(modules, `node-${process.platform}-${process.arch}`, 'bin', 'node')
  if (existsSync(carried)) return carried
  return fail(
    `this is Node ${process.versions.node} and no Node ${NODE_MAJOR} is carried for ${process.platform}-${process.arch}`,
    `Install Node ${NODE_MAJOR} and run the same command with it.`,
  )
}

function run(node, args) {
  // The channel carries nothing; its end tells the program that its launcher is gone, kill -9 included.
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, BULKHEAD_LAUNCHED: '1' },
  })
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid !== parent) {
      clearInterval(watch)
      child.kill('SIGTERM')
    }
  }, 500)
  child.on('error', (error) => fail(`cannot run ${node}: ${error.code}`, 'Remove node_modules and run the same command again.'))
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (os.constants.signals[signal] ?? 0)))
}

const args = process.argv.slice(2)
const inCheckout = existsSync(lockFile) && existsSync(path.join(root, 'src'))
if (inCheckout && !isInstalled()) await install()
const built = path.join(root, 'dist', 'cli', 'main.js')
const main = inCheckout ? path.join(root, 'src', 'cli', 'main.ts') : built
if (args[0] === '--run') run(findNode(), [path.resolve(root, args[1] ?? ''), ...args.slice(2)])
else run(findNode(), [main, ...args])
