/**
 * Installs what comes from the system's packages and not from npm: Debian's Chromium, which the browser SDK tests and the
 * drill drive, and a C compiler for the layer below the processes in the tests of power cuts, clocks and slow disks. What is
 * present already is left alone, so it costs nothing to run it again.
 */
import { spawn, spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import path from 'node:path'

interface SystemPart {
  /** Word that BULKHEAD_WITHOUT uses for it. */
  part: string
  aptPackages: string[]
  present(): boolean
}

const parts: SystemPart[] = [
  {
    part: 'chromium',
    aptPackages: ['chromium'],
    present: () => isExecutable(process.env.CHROMIUM_PATH || '/usr/bin/chromium'),
  },
  {
    part: 'cc',
    aptPackages: ['gcc', 'libc6-dev'],
    present: () => onPath('cc') && existsSync('/usr/include/dlfcn.h'),
  },
]

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

function onPath(program: string): boolean {
  return (process.env.PATH ?? '').split(path.delimiter).some((folder) => existsSync(path.join(folder, program)))
}

/** Runs a program, prints a line every few seconds so that a long download is seen to move, and keeps its tail for the error. */
function run(label: string, command: string[]): Promise<{ code: number; tail: string }> {
  const startedAt = Date.now()
  return new Promise((resolve) => {
    const child = spawn(command[0] as string, command.slice(1), {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
    let tail = ''
    let line = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        tail = (tail + chunk.toString()).slice(-4000)
        line = tail.trimEnd().split('\n').at(-1) ?? ''
      })
    }
    const progress = setInterval(() => {
      process.stdout.write(`setup: … ${label}, ${Math.round((Date.now() - startedAt) / 1000)} s: ${line.slice(0, 90)}\n`)
    }, 5000)
    const finish = (code: number): void => {
      clearInterval(progress)
      resolve({ code, tail })
    }
    child.on('error', (error) => {
      tail = String(error)
      finish(127)
    })
    child.on('close', (code) => finish(code ?? 1))
  })
}

function asRoot(command: string[]): string[] | undefined {
  if (process.getuid?.() === 0) return command
  if (onPath('sudo') && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0) return ['sudo', '-n', ...command]
  return onPath('sudo') && process.stdin.isTTY ? ['sudo', ...command] : undefined
}

function fail(message: string, hint: string): never {
  process.stderr.write(`error[dependency_missing]: ${message}\nhint: ${hint}\n`)
  process.exit(1)
}

const without = new Set((process.env.BULKHEAD_WITHOUT ?? '').split(',').filter(Boolean))
const wanted = parts.filter((part) => {
  if (without.has(part.part)) {
    process.stdout.write(`setup: ${part.part}: left out (BULKHEAD_WITHOUT)\n`)
    return false
  }
  if (part.present()) process.stdout.write(`setup: ${part.part}: present\n`)
  return !part.present()
})
if (wanted.length > 0) {
  const packages = wanted.flatMap((part) => part.aptPackages)
  const byHand = `Install ${packages.join(' ')} by hand, or name it in BULKHEAD_WITHOUT to leave its tests out.`
  if (!onPath('apt-get')) fail('this system has no apt-get', byHand)
  const command = asRoot(['apt-get', '-o', 'DPkg::Lock::Timeout=300'])
  if (command === undefined) fail('installing system packages needs root, and sudo is not available without a password', byHand)
  process.stdout.write(`setup: installing ${packages.join(', ')}\n`)
  const update = await run('apt-get update', [...command, 'update'])
  if (update.code !== 0) process.stdout.write('setup: apt-get update did not succeed; trying with the lists that are here\n')
  const install = await run('apt-get install', [...command, 'install', '-y', '--no-install-recommends', ...packages])
  if (install.code !== 0) fail(`apt-get ended with ${install.code}: ${install.tail.trimEnd().split('\n').at(-1)}`, byHand)
  for (const part of wanted) {
    if (!part.present()) fail(`${part.part} is not where it should be after the installation`, byHand)
    process.stdout.write(`setup: ${part.part}: installed\n`)
  }
}
