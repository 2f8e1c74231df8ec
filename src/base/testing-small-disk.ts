/**
 * Test support: a file system of its own that can really be filled. An ext4 image when the system has loop devices, else a
 * tmpfs. Needs the right to mount; without it a test fails, since nothing else would show what a full disk does.
 */
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'

export interface SmallDisk {
  folder: string
  kind: 'ext4' | 'tmpfs'
  free(): number
  /** Takes all the space there is, or all but so many bytes, as another program would. */
  fill(leaving?: number): void
  /** Gives it back. */
  empty(): void
  remove(): void
}

export function makeSmallDisk(megabytes: number): SmallDisk {
  const place = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-disk-'))
  const folder = path.join(place, 'disk')
  mkdirSync(folder)
  const kind = mount(place, folder, megabytes)
  const filler = path.join(folder, 'filler')
  const free = (): number => {
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize
  }
  return {
    folder,
    kind,
    free,
    fill: (leaving = 0) => {
      const handle = openSync(filler, 'a')
      try {
        if (leaving > 0) {
          while (free() > leaving && writes(handle, 1 << 20)) {}
          // Only what has a place on the disk counts there.
          fsyncSync(handle)
          return
        }
        // Down to single blocks, so that not even a small write finds a place.
        for (const bytes of [1 << 20, 1 << 12, 1 << 9]) while (writes(handle, bytes)) {}
      } finally {
        closeSync(handle)
      }
    },
    empty: () => rmSync(filler, { force: true }),
    remove: () => {
      execFileSync('umount', ['--lazy', folder])
      rmSync(place, { recursive: true, force: true })
    },
  }
}

function mount(place: string, folder: string, megabytes: number): SmallDisk['kind'] {
  const image = path.join(place, 'image')
  if (existsSync('/dev/loop-control')) {
    try {
      writeFileSync(image, '')
      truncateSync(image, megabytes * 1024 ** 2)
      execFileSync('mkfs.ext4', ['-q', '-F', '-m', '0', image], { stdio: 'pipe' })
      execFileSync('mount', ['-o', 'loop', image, folder], { stdio: 'pipe' })
      return 'ext4'
    } catch {
      // No loop device to be had here.
    }
  }
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'tmpfs', folder], { stdio: 'pipe' })
    return 'tmpfs'
  } catch (cause) {
    throw new Error('this test needs a disk that it can fill: run it with the right to mount (as root)', { cause })
  }
}

function writes(handle: number, bytes: number): boolean {
  try {
    return writeSync(handle, Buffer.alloc(bytes, 1)) === bytes
  } catch {
    return false
  }
}
