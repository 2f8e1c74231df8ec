/**
 * A copy of the warehouse as of one moment while it runs: the engine makes hard links to every part that counts (`FREEZE`),
 * which no merge takes away, and what else is needed (definitions of tables) is small and does not change meanwhile. The
 * links are read by whoever copies and removed by the process that owns the folder.
 */
import { existsSync, lstatSync, readdirSync, rmSync } from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import { BulkheadError } from '#base/errors.ts'
import type { EngineConnection } from '#warehouse/engine.ts'

const NAME = 'backup'
const TABLES = `SELECT name FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ORDER BY name`

function shadow(dir: string): string {
  return path.join(dir, 'shadow', NAME)
}

/** While somebody copies, no table may change its name. */
export function isFrozen(dir: string): boolean {
  return existsSync(shadow(dir))
}

/** Also for what an earlier process left. */
export function thaw(dir: string): void {
  rmSync(shadow(dir), { recursive: true, force: true })
}

export async function freeze(dir: string, control: EngineConnection): Promise<void> {
  thaw(dir)
  const text = Buffer.from(await control.execute(TABLES)).toString()
  for (const line of text.split('\n').filter(Boolean)) {
    const { name } = JSON.parse(line) as { name: string }
    await control.execute(`ALTER TABLE \`${name.replaceAll('`', '')}\` FREEZE WITH NAME '${NAME}'`)
  }
}

/** Files and links that make up the folder: path in it → where it is read. With `isFrozen`, parts come from the frozen links. */
export function filesOfWarehouse(dir: string, isFrozen: boolean): Map<string, string> {
  const files = new Map<string, string>()
  const walk = (folder: string, under: string, depth: number): void => {
    for (const name of existsSync(folder) ? readdirSync(folder).sort() : []) {
      const [place, own] = [path.join(folder, name), under === '' ? name : `${under}/${name}`]
      if (depth === 0 && (name === 'shadow' || name === 'tmp' || name === 'status')) continue
      // store/xxx/<table>/<part>: of a running engine only the frozen ones are whole.
      const isPart = depth === 3 && own.startsWith('store/')
      if (!lstatSync(place).isDirectory()) files.set(own, place)
      else if (!(isPart && (isFrozen || name === 'detached'))) walk(place, own, depth + 1)
    }
  }
  walk(dir, '', 0)
  if (isFrozen) walk(shadow(dir), '', 4)
  return files
}

/** Asks the process behind the socket. `token` is that of the staff role. */
export function askFreeze(socketPath: string, token: string, route: '/freeze' | '/thaw'): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (): void => reject(new BulkheadError('warehouse_failed', `the warehouse did not ${route.slice(1)}`))
    const headers = { 'x-clickhouse-user': 'badday', 'x-clickhouse-key': token }
    const request = http.request({ socketPath, path: route, method: 'POST', headers, agent: false }, (response) => {
      response.resume()
      if (response.statusCode === 200) resolve()
      else failed()
    })
    request.on('error', failed)
    request.end()
  })
}
