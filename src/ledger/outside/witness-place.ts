/**
 * An HTTP witness (c2sp.org/tlog-witness): it is shown that our tree goes on from the one that it has seen, and co-signs. Its
 * signature is checked and kept with the checkpoint. It sees checkpoints and hashes, and nothing else.
 */
import http from 'node:http'
import https from 'node:https'
import { openCheckpoint, type SignedCheckpoint } from '#ledger/checkpoint.ts'
import { formatNote, type NoteVerifier, openNote, parseNote, parseSignatures, parseVerifierKey } from '#ledger/note.ts'
import { consistencyProof } from '#ledger/tree.ts'
import type { WitnessPlaceConfig } from '#model/config.ts'
import { ForkFound, named, type OwnTree, type Place, PlaceRefused, readAuthority } from './place.ts'

const ANSWER_MS = 30_000
const ANSWER_BYTES_MAX = 64 * 1024
/** A witness that names another size each time is asked no more than this often in a row. */
const SIZES_MAX = 3
/** No ledger of ours has as many entries: a witness's size is its word, nobody has signed it. */
const SIZE_MAX = 10 ** 12

export function witnessPlace({ id, url, key, ca }: WitnessPlaceConfig): Place {
  const verifier = parseVerifierKey(key)
  return {
    id,
    kind: 'witness',
    target: `${url} ${key}`,
    knows: async (newest, signal) => {
      // From its size to its size: a witness that has another one says which, and one that has this signs it once more.
      const answer = await post(`${url}/add-checkpoint`, `old ${newest.size}\n\n${newest.note}`, { signal, ca })
      if (answer.status === 200) {
        withCosignature(newest, answer.body, verifier)
        return newest.size
      }
      if (answer.status !== 409) throw refused(answer.status)
      const size = sizeIn(answer)
      if (size === newest.size) throw new ForkFound('other_root', { origin: newest.origin, size, root: '' }, named(newest))
      return size
    },
    put: async (own, before, signal) => {
      const { newest } = own
      let old = Math.min(before.size, newest.size)
      for (let asked = 0; asked < SIZES_MAX; asked++) {
        const answer = await post(`${url}/add-checkpoint`, addCheckpointBody(old, own), { signal, ca })
        if (answer.status === 200) return withCosignature(newest, answer.body, verifier)
        const theirs = { origin: newest.origin, size: old, root: '' }
        // It has our root of that size and does not find it in the proof: it has seen another tree.
        if (answer.status === 422) throw new ForkFound('other_root', theirs, ownAt(own, old))
        if (answer.status !== 409) throw refused(answer.status)
        const size = sizeIn(answer)
        if (size > newest.size) throw new ForkFound('ahead', { ...theirs, size }, named(newest))
        // Both of the size of our newest: then the roots differ.
        if (size === old && size === newest.size) throw new ForkFound('other_root', theirs, named(newest))
        old = size
      }
      throw new PlaceRefused('answer_malformed', 'the witness names another size each time')
    },
  }
}

/** The size is what both know; the root is ours where our newest checkpoint has that size. */
function ownAt({ newest }: OwnTree, size: number): { origin: string; size: number; root: string } {
  return size === newest.size ? named(newest) : { ...named(newest), size, root: '' }
}

export function addCheckpointBody(old: number, { newest, hashes }: Pick<OwnTree, 'newest' | 'hashes'>): string {
  const proof = consistencyProof(old, newest.size, hashes).map((hash) => `${hash.toString('base64')}\n`)
  return `old ${old}\n${proof.join('')}\n${newest.note}`
}

/** Throws when nothing of the answer is this witness's signature over this checkpoint. */
function withCosignature(newest: SignedCheckpoint, lines: string, verifier: NoteVerifier): string {
  try {
    const { text, signatures } = parseNote(newest.note)
    const cosigned = openNote(formatNote({ text, signatures: parseSignatures(lines) }), [verifier])
    const note = formatNote({ text, signatures: [...signatures, ...cosigned.verified.map(({ signature }) => signature)] })
    openCheckpoint(note, [verifier])
    return note
  } catch (cause) {
    throw new PlaceRefused('wrong_cosignature', `the answer has no signature of ${verifier.name} over our checkpoint`, { cause })
  }
}

function sizeIn({ body, type }: Answer): number {
  const size = Number(/^(0|[1-9][0-9]*)\n$/.exec(body)?.[1] ?? Number.NaN)
  if (type?.startsWith('text/x.tlog.size') !== true || !(size <= SIZE_MAX))
    throw new PlaceRefused('answer_malformed', 'the witness answered 409 without the size that it has')
  return size
}

function refused(status: number): PlaceRefused {
  if (status === 404) return new PlaceRefused('unknown_to_it', 'the witness does not know this ledger (404): give its operator the key')
  if (status === 403) return new PlaceRefused('unknown_to_it', 'the witness knows this ledger by another key (403)')
  return new PlaceRefused('refused', `the witness answered ${status}`)
}

interface Answer {
  status: number
  type: string | undefined
  body: string
}

/** Only where the configuration says: redirects are not followed. */
function post(address: string, body: string, { signal, ca }: { signal: AbortSignal; ca: string | undefined }): Promise<Answer> {
  const url = new URL(address)
  const secure = url.protocol === 'https:'
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'content-length': Buffer.byteLength(body) }
  const within = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)])
  const trust = secure && ca !== undefined ? { ca: readAuthority(ca) } : {}
  return new Promise<Answer>((resolve, reject) => {
    const fail = (cause: Error): void => {
      const code = within.aborted ? 'timed_out' : 'unreachable'
      reject(new PlaceRefused(code, `the witness cannot be reached (${(cause as NodeJS.ErrnoException).code ?? cause.name})`, { cause }))
    }
    const request = (secure ? https : http).request(url, { method: 'POST', headers, agent: false, signal: within, ...trust })
    request.once('error', fail)
    request.once('response', (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.length
        if (size > ANSWER_BYTES_MAX) request.destroy(new Error('the answer is too long'))
        else chunks.push(chunk)
      })
      response.once('error', fail)
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers['content-type'],
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      )
    })
    request.end(body)
  })
}
