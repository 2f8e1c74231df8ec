/**
 * `node bin/bulkhead.mjs --run test/released/write.ts NAME`: writes `NAME.tar.gz`, the data and key folders of the sample
 * history as this very commit leaves them, and `NAME.json`, what was in them and what was answered. Run it once when a
 * format is released, and never again for a name: a later program must open what was written then. Its keys guard nothing.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { startMixpanelCloud } from '#drill/mixpanel-cloud.ts'
import { startProgram } from '#drill/program.ts'
import { LOGIN, TOKENS } from '#test/support/config.ts'
import { sampleConfig, writeSample } from '#test/support/sample.ts'
import { readStores } from '#test/support/stores.ts'

const [name = ''] = process.argv.slice(2)
if (!/^[\w.-]+$/.test(name)) throw new Error('give a name for the files')
const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-released-'))
const vendor = await startMixpanelCloud({
  token: TOKENS.vendor,
  projectId: LOGIN.projectId,
  credentials: { kind: 'serviceAccount', ...LOGIN, secret: 'sample-secret' },
})
try {
  const program = await startProgram({ folder, config: sampleConfig(vendor.url) })
  const written = await writeSample(program, vendor)
  const at = Date.now()
  const copy = path.join(folder, 'copy')
  for (const part of ['data', 'keys']) cpSync(path.join(folder, part), path.join(copy, part), { recursive: true })
  const stores = await readStores({ dataDir: path.join(copy, 'data'), keysDir: path.join(copy, 'keys'), at })
  writeFileSync(path.join(import.meta.dirname, `${name}.json`), `${JSON.stringify({ at, stores, ...written }, null, 2)}\n`)
  const archive = path.join(import.meta.dirname, `${name}.tar.gz`)
  const flags = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--sparse', '--exclude=*.sock']
  execFileSync('tar', ['-c', ...flags, '-I', 'gzip -9', '-f', archive, '-C', folder, 'data', 'keys'])
} finally {
  await vendor.close()
  rmSync(folder, { recursive: true, force: true })
}
process.exit()
