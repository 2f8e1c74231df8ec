/**
 * A git repository: each checkpoint is a commit on top of the last one, never by force. Everything is done anew each time in a
 * bare repository of our own, so that nothing of an interrupted round is left to go wrong.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { GitPlaceConfig } from '#model/config.ts'
import { assertExtends, named, type Place, PlaceRefused } from './place.ts'

const COMMAND_MS = 120_000
const OUTPUT_BYTES_MAX = 1_000_000
/** Configuration of the machine stays in force, for it may hold how to log in; what could run programs of others does not. */
const SETTINGS = [
  'core.hooksPath=/dev/null',
  'gc.auto=0',
  'commit.gpgSign=false',
  'push.gpgSign=false',
  'protocol.ext.allow=never',
  // Only what is configured is contacted.
  'http.followRedirects=false',
]

/** `workDir`: a folder of our own, made and removed here. */
export function gitPlace({ id, remote, branch, file }: GitPlaceConfig, workDir: string): Place {
  const repository = path.join(workDir, `${id}.git`)
  const ref = `refs/heads/${branch}`

  /** The commit that the branch is at, fetched; undefined when there is no such branch. */
  async function fetchTip(git: Git): Promise<string | undefined> {
    rmSync(repository, { recursive: true, force: true })
    mkdirSync(repository, { recursive: true, mode: 0o700 })
    await git.run(['init', '--quiet', '--bare', repository])
    const listed = await git.run(['ls-remote', '--exit-code', '--', remote, ref]).catch((thrown: unknown) => {
      // Status 2: the repository is there and has no such branch.
      if (thrown instanceof GitFailed && thrown.status === 2) return ''
      throw thrown
    })
    if (listed === '') return undefined
    await git.run(['fetch', '--quiet', '--no-tags', '--depth=1', '--', remote, `+${ref}:refs/heads/theirs`])
    return (await git.run(['rev-parse', '--verify', 'refs/heads/theirs^{commit}'])).trim()
  }

  async function readFile(git: Git, tip: string): Promise<string | undefined> {
    const listed = await git.run(['ls-tree', tip, '--', file])
    const [, blob] = /^100\d{3} blob ([0-9a-f]{40,64})\t/.exec(listed) ?? []
    return blob === undefined ? undefined : git.run(['cat-file', 'blob', blob])
  }

  return {
    id,
    kind: 'git',
    target: `${remote} ${branch} ${file}`,
    held: (_origin, signal) =>
      within(repository, signal, async (git) => {
        const tip = await fetchTip(git)
        return tip === undefined ? undefined : readFile(git, tip)
      }),
    put: (own, _before, signal) =>
      within(repository, signal, async (git) => {
        const { newest } = own
        const tip = await fetchTip(git)
        const there = tip === undefined ? undefined : await readFile(git, tip)
        if (there === newest.note) return newest.note
        // Again, for it may have changed since it was asked.
        if (there !== undefined) assertExtends(there, own)
        const blob = (await git.run(['hash-object', '-w', '--stdin'], newest.note)).trim()
        if (tip !== undefined) await git.run(['read-tree', tip])
        await git.run(['update-index', '--add', '--cacheinfo', `100644,${blob},${file}`])
        const tree = (await git.run(['write-tree'])).trim()
        const { origin, size, root } = named(newest)
        const message = `Checkpoint of ${size} entries\n\n${origin}\n${root}\n`
        const parent = tip === undefined ? [] : ['-p', tip]
        const commit = (await git.run(['commit-tree', tree, ...parent], message)).trim()
        // Refused when somebody else has pushed meanwhile: the next round begins with what they left.
        await git.run(['push', '--quiet', '--', remote, `${commit}:${ref}`])
        return newest.note
      }),
  }
}

class GitFailed extends PlaceRefused {
  readonly status: number | null

  constructor(code: 'refused' | 'timed_out', status: number | null, message: string) {
    super(code, message)
    this.status = status
  }
}

interface Git {
  run(args: readonly string[], input?: string): Promise<string>
}

async function within<Result>(repository: string, signal: AbortSignal, work: (git: Git) => Promise<Result>): Promise<Result> {
  try {
    return await work({ run: (args, input = '') => runGit(repository, { args, input, signal }) })
  } finally {
    rmSync(repository, { recursive: true, force: true })
  }
}

function runGit(repository: string, { args, input, signal }: { args: readonly string[]; input: string; signal: AbortSignal }) {
  return new Promise<string>((resolve, reject) => {
    const settings = SETTINGS.flatMap((setting) => ['-c', setting])
    // A process group of its own, so that ssh and the like end with it.
    const child = spawn('git', [...settings, ...args], { env: environment(repository), detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
    let why: 'timed_out' | undefined
    const end = (reason: 'timed_out'): void => {
      why = reason
      endGroup(child)
    }
    const timer = setTimeout(() => end('timed_out'), COMMAND_MS)
    const onAbort = (): void => end('timed_out')
    signal.addEventListener('abort', onAbort, { once: true })
    const [output, errors] = [new Tail(), new Tail()]
    child.stdout.on('data', (chunk: Buffer) => output.add(chunk))
    child.stderr.on('data', (chunk: Buffer) => errors.add(chunk))
    // Git may end before it has read everything.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    child.once('error', () => reject(new GitFailed('refused', null, 'the program `git` cannot be run')))
    child.once('close', (status) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      if (status === 0 && !output.isCut) return resolve(output.text)
      const said = why === 'timed_out' ? 'it did not end in time' : firstLine(errors.text)
      reject(new GitFailed(why ?? 'refused', status, `git ${args[0]}: ${said}`))
    })
    if (signal.aborted) onAbort()
  })
}

class Tail {
  readonly #chunks: Buffer[] = []
  #size = 0

  get isCut(): boolean {
    return this.#size > OUTPUT_BYTES_MAX
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString('utf8')
  }

  add(chunk: Buffer): void {
    this.#size += chunk.length
    if (!this.isCut) this.#chunks.push(chunk)
  }
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended by itself.
  }
}

/** Nothing asks on a terminal, and nothing that was set for another repository counts. */
function environment(repository: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|NAMESPACE|COMMON_DIR)$/.test(name),
  )
  const author = { NAME: 'Bulkhead', EMAIL: 'bulkhead@localhost' }
  return {
    ...Object.fromEntries(own),
    GIT_DIR: repository,
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL: 'file:https:http:ssh',
    GIT_SSH_COMMAND: process.env.GIT_SSH_COMMAND ?? 'ssh -oBatchMode=yes',
    GIT_AUTHOR_NAME: author.NAME,
    GIT_AUTHOR_EMAIL: author.EMAIL,
    GIT_COMMITTER_NAME: author.NAME,
    GIT_COMMITTER_EMAIL: author.EMAIL,
    LC_ALL: 'C',
  }
}

/** Enough to act on, and no address with a password in it. */
function firstLine(text: string): string {
  const line = text.split('\n').find((each) => /^(fatal|error| ! )/.test(each)) ?? text.split('\n')[0] ?? ''
  return line.replaceAll(/:\/\/[^@/\s]*@/g, '://').slice(0, 200) || 'it failed and said nothing'
}
