/** The end of a command, which must not cut off what it printed. */

/**
 * Resolves when whoever reads has been handed all that was written: into a pipe, the end of a long answer is written later than it is
 * printed, and a process that exits meanwhile takes it along. A reader that has gone away wants nothing more.
 */
export async function allPrinted(streams: readonly NodeJS.WriteStream[]): Promise<void> {
  await Promise.all(streams.map((stream) => new Promise<void>((resolve) => void stream.write('', () => resolve()))))
}

/** A reader that goes away in the middle, as `head` does, is no error of ours. */
export function toleratesGoneReaders(streams: readonly NodeJS.WriteStream[]): void {
  for (const stream of streams) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
}
