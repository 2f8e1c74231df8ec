/** What wraps the root key, as the configuration says, for the vault and for commands that open it with nothing running. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import type { Config } from '#model/config.ts'
import type { KeyWrap } from '#vault/key-wrap.ts'
import { transitWrap } from '#vault/transit-wrap.ts'
import { readConfig } from './config.ts'

/** Nothing: the key-encryption key is a file in the key folder. */
export function keyWrapOf({ keys }: Pick<Config, 'keys'>): { wrap?: KeyWrap } {
  return keys === undefined ? {} : { wrap: transitWrap(keys.transit) }
}

/**
 * For keys that no file beside them opens, from `BULKHEAD_CONFIG`, else from `bulkhead.yaml` in the working folder, as `up` does.
 * A command that does not need the configuration must not fail for what is wrong in it.
 */
export function keyWrapFor(keysDir: string, env: NodeJS.ProcessEnv): { wrap?: KeyWrap } {
  if (existsSync(path.join(keysDir, 'kek'))) return {}
  const named = env.BULKHEAD_CONFIG
  const file = named !== undefined && named !== '' ? path.resolve(named) : path.resolve('bulkhead.yaml')
  return existsSync(file) ? keyWrapOf(readConfig({ file, env })) : {}
}
