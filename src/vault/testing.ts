/** Fixtures of the vault's tests: a folder of its own, keys, and calls with the parts that a test does not care about left out. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { systemClock } from '#base/clock.ts'
import type { WindowRequest } from './port.ts'
import { createKeys, openVault, type Vault } from './vault.ts'

export const INSTANCE = '6f1f3c6e-6f0e-4d5a-9d43-2f5a0f6f7c11'
export const LOOK = { actor: 'anna', action: 'test', reason: 'a test' }

export interface Place {
  root: string
  dataDir: string
  keysDir: string
  instance: string
}

export function makePlace(): Place {
  const root = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-vault-'))
  return { root, dataDir: root, keysDir: path.join(root, 'keys'), instance: INSTANCE }
}

export function removePlace(place: Place): void {
  rmSync(place.root, { recursive: true, force: true })
}

export function openAt(place: Place): Promise<Vault> {
  return openVault({ ...place, clock: systemClock, sources: [{ id: 'web', trust: 'server' }] })
}

/** Runs `body` on a fresh vault and removes everything afterwards. */
export async function withVault(body: (vault: Vault, place: Place, reopen: () => Promise<Vault>) => Promise<void>): Promise<void> {
  const place = makePlace()
  let vault: Vault | undefined
  try {
    await createKeys(place)
    vault = await openAt(place)
    await body(vault, place, async () => {
      await vault?.close()
      vault = await openAt(place)
      return vault
    })
  } finally {
    await vault?.close()
    removePlace(place)
  }
}

export function windowOf(part: Partial<WindowRequest>): WindowRequest {
  const window = { identifiers: [], facts: [], edges: [], memberships: [], ...part }
  const count = window.identifiers.length
  return { newcomers: count === 0 ? [] : [{ source: 'web', network: null, count }], ...window }
}

export function user(value: string): WindowRequest['identifiers'][number] {
  return ['default', 'id', value, 'user']
}

export function device(value: string): WindowRequest['identifiers'][number] {
  return ['default', 'id', value, 'device']
}

export function group(value: string): WindowRequest['identifiers'][number] {
  return ['default', 'group:company', value, 'group']
}

/** Every file below a folder, with its bytes. */
export function filesBelow(folder: string): { file: string; bytes: Buffer }[] {
  return readdirSync(folder).flatMap((name) => {
    const file = path.join(folder, name)
    return statSync(file).isDirectory() ? filesBelow(file) : [{ file, bytes: readFileSync(file) }]
  })
}

/** A value as it could stand in a file: plain, as UTF-16, base64 at each offset, hex. */
export function encodingsOf(value: string): Buffer[] {
  const bytes = Buffer.from(value)
  const base64 = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64')
    return Buffer.from(text.slice(shift === 0 ? 0 : shift + 1, text.length - 4))
  })
  return [
    bytes,
    Buffer.from(value, 'utf16le'),
    ...base64,
    Buffer.from(bytes.toString('hex')),
    Buffer.from(bytes.toString('hex').toUpperCase()),
  ]
}
