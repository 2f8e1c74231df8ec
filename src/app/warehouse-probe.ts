/** `warehouse-probe.ts DIR`: opens the engine on a folder and reads every table once. Its exit code is the answer. */
import { openConnection } from '#warehouse/engine.ts'

const [, , dir = ''] = process.argv
const engine = openConnection(dir, 'probe', { readOnly: false, queueMax: 8 })
let code = 1
try {
  const text = Buffer.from(await engine.execute('SELECT name FROM system.tables WHERE database = currentDatabase()')).toString()
  const names = text.split('\n').filter(Boolean)
  for (const line of names) await engine.execute(`SELECT count() FROM \`${(JSON.parse(line) as { name: string }).name}\``)
  if (names.length > 0) code = 0
} catch {
  // It does not open, or a table does not: that is the answer.
}
// What the engine left open must not hold the answer back.
process.exit(code)
