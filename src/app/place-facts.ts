/** What `doctor` sees of folders, disks, keys and certificate, with or without anything running. Reads only. */
import { X509Certificate } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { PlaceFacts } from '#api/facts.ts'
import { CLOCK_VARIABLE } from '#base/moved-clock.ts'
import type { Config } from '#model/config.ts'
import { outsideDir, readStates } from '#ledger/outside/state.ts'
import { readKeyMeta } from '#vault/key-meta.ts'
import type { Backups, Newest } from '#vault/port.ts'
import { type Instance, shareFileSystem } from './instance.ts'

export function placeFacts(
  instance: Instance,
  known: { config: Pick<Config, 'gateway' | 'ledger'>; ledgerHead: number | undefined },
): PlaceFacts {
  const { dataDir, keysDir } = instance
  const keysPresent = existsSync(path.join(keysDir, 'keys.db'))
  const meta = keysPresent ? readKeyMeta(keysDir) : {}
  const stores = { data: dataDir, log: instance.logDir, ledger: instance.ledgerDir, warehouse: instance.warehouseDir, keys: keysDir }
  return {
    dataDir,
    keysDir,
    disks: Object.entries(stores).flatMap(([store, place]) => diskOf(store, place)),
    keysPresent,
    keysShareDisk: keysPresent && shareFileSystem(instance),
    exposed: [dataDir, keysDir, ...filesIn(keysDir)].filter(isExposed),
    lastWritten: Math.max(0, ...filesIn(dataDir).map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0)),
    certificate: certificateOf(known.config),
    clockMoved: (process.env[CLOCK_VARIABLE] ?? '') !== '',
    newest: meta.newest as Newest | undefined,
    gapsAcknowledged: (meta.gapsAcknowledged as string[] | undefined) ?? [],
    backups: keysPresent ? ((meta.backups as Backups | undefined) ?? {}) : undefined,
    ledgerHead: known.ledgerHead,
    outside: outsideOf(instance, known.config),
  }
}

/** As the worker left it in its files, whether it runs or not. */
function outsideOf({ ledgerDir }: Instance, { ledger }: Pick<Config, 'ledger'>): PlaceFacts['outside'] {
  const states = readStates(outsideDir(ledgerDir))
  return (ledger?.checkpoints ?? []).map(({ id, kind }) => ({
    id,
    kind,
    state: states.find((state) => state.id === id && state.kind === kind),
  }))
}

function filesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).map((name) => path.join(folder, name)) : []
}

function diskOf(store: string, place: string): PlaceFacts['disks'] {
  if (!existsSync(place)) return []
  const { bavail, blocks, bsize } = statfsSync(place)
  return [{ store, free: bavail * bsize, total: blocks * bsize }]
}

function isExposed(file: string): boolean {
  const status = statSync(file, { throwIfNoEntry: false })
  return status !== undefined && ((status.mode & 0o077) !== 0 || status.uid !== os.userInfo().uid)
}

function certificateOf({ gateway }: Pick<Config, 'gateway'>): PlaceFacts['certificate'] {
  if (gateway.tls === undefined) return undefined
  try {
    const { cert } = gateway.tls
    const text = cert.includes('-----BEGIN') ? cert : readFileSync(cert, 'utf8')
    return { validTo: Date.parse(new X509Certificate(text).validTo) }
  } catch {
    return 'unreadable'
  }
}
