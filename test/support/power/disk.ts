/**
 * A disk as a power cut leaves it. Fed with a recording, it knows at each instant what is certainly on the platter and what
 * is not, and builds one of the states in which the machine may come up again:
 *
 * - bytes that were flushed are there; a flush covers what was done before it began, and counts from its end;
 * - later bytes are there or not, sector by sector (512 bytes) or page by page (4096), each as it stood at some instant
 *   since; the size of a file is that of some instant since, and what was never written reads as zeros;
 * - names that were made, changed or removed since their folder was flushed: those of a folder are there up to some
 *   instant. A flush of a file says nothing about its name, as POSIX has it, though some file systems do more.
 */
import { mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type Change, CREATE, DONE, FLUSH, LINK, MKDIR, RENAME, RMDIR, SETTLED, SIZE, SYMLINK, UNLINK, WRITE } from './recording.ts'

const PAGE_BYTES = 4096

interface FileChange {
  kind: 'write' | 'size'
  offset: number
  data: Buffer
  done: boolean
  pid: number
}

interface FileNode {
  kind: 'file'
  platter: Buffer
  size: number
  pending: FileChange[]
}

/** Of one folder, all at once: what each name means from here on. */
type NameChange = [name: string, node: Node | undefined][]

interface FolderNode {
  kind: 'folder'
  platter: Map<string, Node>
  now: Map<string, Node>
  pending: NameChange[]
}

interface SymlinkNode {
  kind: 'symlink'
  target: string
}

type Node = FileNode | FolderNode | SymlinkNode

/** `lost`: nothing that was not flushed; `kept`: all of it, as after a kill; `torn`: some. */
export type Fate = 'lost' | 'kept' | 'torn'

export class PowerDisk {
  readonly #root: string
  readonly #top: FolderNode = newFolder()
  readonly #files = new Map<bigint, FileNode>()
  readonly #begun = new Map<string, (succeeded: boolean, result: number) => void>()
  readonly #settling = new Map<string, () => void>()

  /** `root` is the recorded folder, which was empty, and is itself safe. */
  constructor(root: string) {
    this.#root = root
  }

  /** Takes what lies in the recorded folder, which is then not empty but safe, as the begin. */
  load(): void {
    const load = (folder: FolderNode, place: string): void => {
      for (const entry of readdirSync(place, { withFileTypes: true })) {
        const inner = path.join(place, entry.name)
        let node: Node
        if (entry.isDirectory()) {
          node = newFolder()
          load(node, inner)
        } else if (entry.isSymbolicLink()) node = { kind: 'symlink', target: readlinkSync(inner) }
        else {
          const platter = readFileSync(inner)
          node = { kind: 'file', platter, size: platter.length, pending: [] }
          this.#files.set(statSync(inner, { bigint: true }).ino, node)
        }
        applyNames(folder.platter, [[entry.name, node]])
        applyNames(folder.now, [[entry.name, node]])
      }
    }
    load(this.#top, this.#root)
  }

  apply(change: Change): void {
    const name = `${change.pid}:${change.id}`
    if (change.kind === SETTLED) {
      this.#settling.get(name)?.()
      this.#settling.delete(name)
      return
    }
    if (change.kind === DONE) {
      this.#begun.get(name)?.(change.offset >= 0, change.offset)
      this.#begun.delete(name)
      return
    }
    const end = this.#begin(change)
    if (end !== undefined) this.#begun.set(name, end)
  }

  /** Writes one possible state below `target`; leaves out what `skip` names (paths below the root). */
  build(target: string, fate: Fate, random: () => number, skip: (name: string) => boolean = () => false): void {
    const build = (folder: FolderNode, below: string): void => {
      mkdirSync(path.join(target, below), { recursive: true, mode: 0o700 })
      for (const [name, node] of survivingNames(folder, fate, random)) {
        const place = path.join(below, name)
        if (skip(place)) continue
        if (node.kind === 'folder') build(node, place)
        // Within the recorded folder they lead to the same place of the state that is built.
        else if (node.kind === 'symlink') symlinkSync(node.target.replace(this.#root, path.resolve(target)), path.join(target, place))
        else writeFileSync(path.join(target, place), survivingBytes(node, fate, random), { mode: 0o600 })
      }
    }
    build(this.#top, '')
  }

  #begin(change: Change): ((succeeded: boolean, result: number) => void) | undefined {
    switch (change.kind) {
      case WRITE:
      case SIZE:
        return this.#beginFileChange(change)
      case FLUSH:
        return change.flags === 1 ? this.#beginFolderFlush(change) : this.#beginFileFlush(change)
      default:
        // Until it is done nobody can have built on it, and it may as well not have happened.
        return (succeeded) => {
          if (succeeded) this.#changeNames(change)
        }
    }
  }

  #beginFileChange(change: Change): (succeeded: boolean, result: number) => void {
    const file = this.#file(change)
    const { pid, offset, data } = change
    // Another process writes on: what its predecessor was killed over has been done, as good as always.
    for (const earlier of file.pending) if (earlier.pid !== pid) earlier.done = true
    const entry: FileChange = { kind: change.kind === WRITE ? 'write' : 'size', offset, data, done: false, pid }
    file.pending.push(entry)
    return (succeeded, result) => {
      if (!succeeded) return void file.pending.splice(file.pending.indexOf(entry), 1)
      entry.done = true
      if (entry.kind === 'write') entry.data = entry.data.subarray(0, result)
      if (entry.kind === 'write' && change.flags === 1) this.#settling.set(`${pid}:${change.id}`, () => settleRange(file, entry))
    }
  }

  #beginFileFlush(change: Change): (succeeded: boolean) => void {
    const file = this.#file(change)
    const covered = new Set(file.pending.filter((entry) => entry.done))
    return (succeeded) => {
      if (!succeeded) return
      for (const entry of file.pending) if (covered.has(entry)) settle(file, entry)
      file.pending = file.pending.filter((entry) => !covered.has(entry))
    }
  }

  #beginFolderFlush(change: Change): (succeeded: boolean) => void {
    const folder = this.#folder(change.path)
    const covered = folder.pending.length
    let rest = folder.pending
    return (succeeded) => {
      if (!succeeded) return
      // Another flush may have covered some of them in the meantime.
      rest = rest.slice(0, covered).filter((names) => folder.pending.includes(names))
      for (const names of rest) applyNames(folder.platter, names)
      folder.pending = folder.pending.filter((names) => !rest.includes(names))
    }
  }

  #changeNames({ kind, path: place, second, inode }: Change): void {
    const [folder, name] = this.#placeOf(place)
    const change = (into: FolderNode, names: NameChange): void => {
      applyNames(into.now, names)
      into.pending.push(names)
    }
    if (kind === CREATE) {
      const file: FileNode = { kind: 'file', platter: Buffer.alloc(0), size: 0, pending: [] }
      this.#files.set(inode, file)
      return change(folder, [[name, file]])
    }
    if (kind === MKDIR) return change(folder, [[name, newFolder()]])
    if (kind === UNLINK || kind === RMDIR) return change(folder, [[name, undefined]])
    if (kind === SYMLINK) return change(folder, [[name, { kind: 'symlink', target: second }]])
    const node = folder.now.get(name)
    if (node === undefined) throw new Error(`${place} was renamed, but nothing made it`)
    const [target, targetName] = this.#placeOf(second)
    if (kind === LINK) return change(target, [[targetName, node]])
    if (kind !== RENAME) throw new Error(`unknown kind of change ${kind}`)
    if (target === folder) {
      return change(folder, [
        [name, undefined],
        [targetName, node],
      ])
    }
    change(target, [[targetName, node]])
    change(folder, [[name, undefined]])
  }

  #file(change: Change): FileNode {
    const file = this.#files.get(change.inode)
    if (file === undefined) throw new Error(`${change.path} was changed, but nothing made it`)
    return file
  }

  #placeOf(place: string): [FolderNode, string] {
    return [this.#folder(path.dirname(place)), path.basename(place)]
  }

  #folder(place: string): FolderNode {
    const relative = path.relative(this.#root, place)
    let node: Node = this.#top
    for (const part of relative === '' ? [] : relative.split(path.sep)) {
      const next: Node | undefined = node.kind === 'folder' ? node.now.get(part) : undefined
      if (next === undefined) throw new Error(`${place} was used, but nothing made it`)
      node = next
    }
    if (node.kind !== 'folder') throw new Error(`${place} is no folder`)
    return node
  }
}

function newFolder(): FolderNode {
  return { kind: 'folder', platter: new Map(), now: new Map(), pending: [] }
}

function applyNames(into: Map<string, Node>, names: NameChange): void {
  for (const [name, node] of names) {
    if (node === undefined) into.delete(name)
    else into.set(name, node)
  }
}

function settle(file: FileNode, entry: FileChange): void {
  if (entry.kind === 'size') return resize(file, entry.offset)
  const end = entry.offset + entry.data.length
  if (end > file.size) resize(file, end)
  entry.data.copy(file.platter, entry.offset)
}

function resize(file: FileNode, size: number): void {
  if (size > file.platter.length) {
    const larger = Buffer.alloc(Math.max(size, 2 * file.platter.length))
    file.platter.copy(larger, 0, 0, file.size)
    file.platter = larger
  } else if (size < file.size) file.platter.fill(0, size, file.size)
  file.size = size
}

/** A write that is on disk when it returns takes whole pages with it, and so earlier writes to them. */
function settleRange(file: FileNode, entry: FileChange): void {
  const from = Math.floor(entry.offset / PAGE_BYTES) * PAGE_BYTES
  const to = Math.ceil((entry.offset + entry.data.length) / PAGE_BYTES) * PAGE_BYTES
  const at = file.pending.indexOf(entry)
  // A flush of the whole file was quicker.
  if (at < 0) return
  const rest: FileChange[] = []
  for (const [index, earlier] of file.pending.entries()) {
    const end = earlier.offset + earlier.data.length
    const touches = index < at && earlier.kind === 'write' && earlier.offset < to && end > from
    if (earlier === entry || (touches && earlier.offset >= from && end <= to)) settle(file, earlier)
    else if (touches || (index < at && earlier.kind === 'size')) throw new Error('this order of writes is not modelled')
    else rest.push(earlier)
  }
  file.pending = rest
}

function survivingNames(folder: FolderNode, fate: Fate, random: () => number): Map<string, Node> {
  if (fate === 'kept') return folder.now
  const names = new Map(folder.platter)
  const kept = fate === 'lost' ? 0 : Math.floor(random() * (folder.pending.length + 1))
  for (const change of folder.pending.slice(0, kept)) applyNames(names, change)
  return names
}

function survivingBytes(file: FileNode, fate: Fate, random: () => number): Buffer {
  const copy: FileNode = { ...file, platter: Buffer.from(file.platter.subarray(0, file.size)) }
  if (fate === 'kept') for (const entry of file.pending) settle(copy, entry)
  if (fate === 'torn') tear(copy, file.pending, random)
  return copy.platter.subarray(0, copy.size)
}

function tear(file: FileNode, pending: readonly FileChange[], random: () => number): void {
  const unit = random() < 0.5 ? 512 : PAGE_BYTES
  const chance = [0.1, 0.5, 0.9][Math.floor(random() * 3)] as number
  /** Units that keep what they have: written back for the last time before the power went. */
  const still = new Set<number>()
  const sizes = [file.size]
  let newest = file.size
  for (const entry of pending) {
    if (entry.kind === 'size') {
      // A cut-off end stands in the file system's own journal; what was written after one that is not there is not there either.
      if (entry.offset < newest && random() < chance) break
      if (entry.offset < newest) sizes.length = 0
      resize(file, Math.max(entry.offset, 0))
      newest = entry.offset
      sizes.push(newest)
      continue
    }
    const end = entry.offset + entry.data.length
    if (end > file.size) resize(file, end)
    for (let from = entry.offset; from < end; ) {
      const number = Math.floor(from / unit)
      const to = Math.min(end, (number + 1) * unit)
      if (!still.has(number) && random() < chance) still.add(number)
      if (!still.has(number)) entry.data.copy(file.platter, from, from - entry.offset, to - entry.offset)
      from = to
    }
    newest = Math.max(newest, end)
    sizes.push(newest)
  }
  resize(file, sizes[Math.floor(random() * sizes.length)] as number)
}
