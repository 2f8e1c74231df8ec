/** Where a command may put what is no longer sealed. */
import path from 'node:path'
import { openInstance } from '#app/instance.ts'
import { BulkheadError } from '#base/errors.ts'
import { liesWithin, placeOnDisk } from '#base/files.ts'
import type { Context } from './context.ts'

/**
 * The whole path of a file that somebody named for a clear answer. Never in the data or key folder: it would stand plain among what is
 * sealed, go into backups, and could take the place of a file of ours. Throws `bad_usage`, before anything is asked.
 */
export function clearFile(context: Context, given: string): string {
  const file = path.resolve(given)
  const { dataDir, keysDir } = openInstance({ dataDir: context.dataDir, create: false, env: context.env })
  for (const folder of [dataDir, keysDir]) {
    if (!liesWithin(placed(folder), placed(file))) continue
    throw new BulkheadError('bad_usage', `${file} lies in a folder of Bulkhead`, {
      hint: `Name a file outside of ${folder}: what is written there is not sealed.`,
    })
  }
  return file
}

/** As the disk has it, since a link may lead into the folder; as it was given, where nothing can be found. */
function placed(given: string): string {
  try {
    return placeOnDisk(given)
  } catch {
    return path.resolve(given)
  }
}
