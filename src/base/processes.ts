import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

/**
 * When a process began, in the system's own words; with the pid it names one process for ever, since pids are reused.
 * Linux: field 22 of /proc/PID/stat (proc(5)); elsewhere `ps -o lstart`. Undefined when there is no such process, or
 * when it is a zombie, which runs nothing any more.
 */
export function processStartTime(pid: number): string | undefined {
  if (existsSync('/proc/self/stat')) {
    try {
      const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
      const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
      return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
    } catch {
      return undefined
    }
  }
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined
  } catch {
    return undefined
  }
}

export function isSameProcess(pid: number, startTime: string): boolean {
  return startTime !== '' && processStartTime(pid) === startTime
}

/**
 * Leaves memory out of any core file of this process and of those that it starts: a process that crashes holds plain
 * values and keys, and the kernel would write them to its working folder. Linux: no kind of mapping is dumped (core(5),
 * "Controlling which mappings are written to the core dump"). Elsewhere core files are off unless somebody turns them on.
 */
export function keepMemoryOutOfCoreFiles(): void {
  try {
    writeFileSync('/proc/self/coredump_filter', '0')
  } catch {
    // No such file: another system, or a kernel that writes no core files.
  }
}
