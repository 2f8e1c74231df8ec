/** Preloaded into a campaign: plants the mutation that `SIM_MUTATION` numbers, in memory only, when its file is loaded. */
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { MUTATIONS } from './mutations.ts'

const mutation = MUTATIONS[Number(process.env['SIM_MUTATION'])]
if (mutation === undefined) throw new Error('no such mutation')
const { file, find, put } = mutation
const root = path.join(import.meta.dirname, '../..')
const url = pathToFileURL(path.join(root, file)).href
const text = readFileSync(path.join(root, file), 'utf8')
if (text.split(find).length !== 2) {
  process.stderr.write(`the place to change is not in ${file} exactly once: adapt test/sim/mutations.ts\n`)
  process.exit(2)
}
registerHooks({
  load: (wanted, context, nextLoad) =>
    wanted === url ? { ...nextLoad(wanted, context), source: text.replace(find, () => put) } : nextLoad(wanted, context),
})
