/** `read-warehouse.ts FOLDER SQL`: prints rows as JSON lines. Ends by SIGKILL on purpose: the engine's own teardown may crash. */
import { writeSync } from 'node:fs'
import { Session } from 'chdb'

const [folder = '', sql = ''] = process.argv.slice(2)
const session = new Session(folder)
const answer = await session.queryAsync(sql, { format: 'JSONEachRow' })
let rest = Buffer.from(answer.bytes())
while (rest.length > 0) {
  try {
    rest = rest.subarray(writeSync(1, rest))
  } catch (error) {
    // A full pipe; the reader is slower.
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
  }
}
process.exit(0)
