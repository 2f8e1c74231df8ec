/**
 * What the configured places outside know of how far the ledger had come: a restore must not take for all what is only all that
 * the copy and the key folder know of. Nothing runs here, so the command asks; a witness is asked by the copy's own checkpoint, a mailbox
 * cannot be asked.
 */
import { createPublicKey } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { systemClock } from '#base/clock.ts'
import { toBulkheadError } from '#base/errors.ts'
import { openCheckpoint, type SignedCheckpoint } from '#ledger/checkpoint.ts'
import { noteVerifier } from '#ledger/note.ts'
import { FORK_WORDS, ForkFound, PlaceRefused } from '#ledger/outside/place.ts'
import { openPlace } from '#ledger/outside/places.ts'
import type { CheckpointPlaceConfig } from '#model/config.ts'
import { isTreeOrigin } from '#model/tree-head.ts'
import { readConfig } from './config.ts'

export interface KnownOutside {
  id: string
  /** Entries that its newest checkpoint of this ledger covers; null when it has none or cannot say. */
  size: number | null
  /** Why it cannot say. */
  what: string | null
}

const ANSWER_MS = 30_000
const NOT_ASKED = 'it cannot be asked: `--ledger-head N` says what it holds'
const NO_CHECKPOINT = 'the copy has no checkpoint to ask it by: `--ledger-head N` says what it holds'

/** `key`: SPKI, base64; null when nothing was ever signed. Never throws: what cannot be asked is named. */
export async function askOutside({
  key,
  instance,
  newest,
  env,
}: {
  key: string | null
  instance: string
  /** The copy's own checkpoint; undefined when it has none. */
  newest: SignedCheckpoint | undefined
  env: NodeJS.ProcessEnv
}): Promise<KnownOutside[]> {
  const places = configured(env)
  if (!Array.isArray(places)) return [places]
  const workDir = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-restore-'))
  try {
    return await Promise.all(places.map((place) => ask(place, { key, instance, newest, workDir })))
  } finally {
    rmSync(workDir, { recursive: true, force: true })
  }
}

/** As for what wraps the keys: what is wrong in the configuration must not keep anybody from a restore. */
function configured(env: NodeJS.ProcessEnv): CheckpointPlaceConfig[] | KnownOutside {
  const named = env.BULKHEAD_CONFIG
  const file = named !== undefined && named !== '' ? path.resolve(named) : path.resolve('bulkhead.yaml')
  if (!existsSync(file)) return []
  try {
    return readConfig({ file, env }).ledger?.checkpoints ?? []
  } catch (thrown) {
    return { id: path.basename(file), size: null, what: toBulkheadError(thrown).code }
  }
}

async function ask(
  config: CheckpointPlaceConfig,
  { key, instance, newest, workDir }: { key: string | null; instance: string; newest: SignedCheckpoint | undefined; workDir: string },
): Promise<KnownOutside> {
  const { id } = config
  const place = openPlace(config, { workDir, clock: systemClock })
  if (place.held === undefined && place.knows === undefined) return { id, size: null, what: NOT_ASKED }
  try {
    if (place.knows !== undefined) {
      if (newest === undefined || newest.size === 0) return { id, size: null, what: NO_CHECKPOINT }
      return { id, size: await place.knows(newest, AbortSignal.timeout(ANSWER_MS)), what: null }
    }
    const note = await place.held?.('', AbortSignal.timeout(ANSWER_MS))
    const size = note === undefined || key === null ? null : sizeIn(note, { key, instance })
    return {
      id,
      size,
      what: note === undefined ? 'it holds no checkpoint' : size === null ? 'it holds no checkpoint of this ledger' : null,
    }
  } catch (thrown) {
    if (thrown instanceof ForkFound) return { id, size: null, what: `${FORK_WORDS[thrown.what]}: keep both, and compare` }
    return { id, size: null, what: thrown instanceof PlaceRefused ? thrown.message : toBulkheadError(thrown).code }
  }
}

function sizeIn(note: string, { key, instance }: { key: string; instance: string }): number | null {
  const [origin = ''] = note.split('\n', 1)
  if (!isTreeOrigin(origin, instance)) return null
  try {
    const publicKey = createPublicKey({ key: Buffer.from(key, 'base64'), format: 'der', type: 'spki' })
    return openCheckpoint(note, [noteVerifier(origin, publicKey)]).size
  } catch {
    // Not signed by this ledger's key: it says nothing of this ledger.
    return null
  }
}
