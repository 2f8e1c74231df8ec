/**
 * Installs the database of regions and cities (130 MB) that `gateway.places` asks for: it is not among the packages of every checkout,
 * since most need the country alone. Opens it afterwards, so that a broken copy is told here and not when the gateway starts.
 */
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { toBulkheadError } from '#base/errors.ts'
import { openPlacesOf } from '#split/geo.ts'

const folder = path.join(import.meta.dirname, '../places')
// npm hands its own settings down; a run within a run that inherits them may act on the wrong folder.
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(?:config|package|lifecycle)_/.test(name)))
const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
  cwd: folder,
  env,
  stdio: 'inherit',
})
if (status !== 0) {
  process.stderr.write('error[places]: the package could not be installed\nhint: Check that npm reaches its registry, then run it again.\n')
  process.exit(1)
}
try {
  openPlacesOf('city')('8.8.8.8')
} catch (error) {
  const { code, message } = toBulkheadError(error)
  process.stderr.write(`error[${code}]: ${message}\n`)
  process.exit(1)
}
process.stdout.write(
  'Regions and cities are installed: IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0. Set `gateway: { places: region }` or `city`.\n',
)
