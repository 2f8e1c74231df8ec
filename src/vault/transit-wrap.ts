/**
 * The root key wrapped by a service that speaks HashiCorp Vault's Transit API (developer.hashicorp.com/vault/api-docs/secret/transit):
 * `POST /v1/MOUNT/encrypt/KEY`, `decrypt/KEY` and `rewrap/KEY`. Nothing else is asked of it, and it never sees a key of a person.
 *
 * What a key is bound to stands in the plain text before it, since `rewrap` takes no associated data.
 */
import { readFileSync } from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import { BulkheadError } from '#base/errors.ts'
import type { Secret } from '#base/secret.ts'
import type { KeyWrap } from './key-wrap.ts'

export interface TransitOptions {
  url: string
  key: string
  mount: string
  namespace?: string | undefined
  /** Either of the two; the file is read for each request, since an agent may renew it. */
  token?: Secret | undefined
  tokenFile?: string | undefined
  /** PEM file with the authority of the service's certificate. */
  ca?: string | undefined
  timeoutMs?: number
}

const TIMEOUT_MS = 10_000
const ANSWER_BYTES_MAX = 1024 * 1024
const CIPHERTEXT = /^vault:v\d+:[A-Za-z0-9+/=]+$/

export function transitWrap(options: TransitOptions): KeyWrap {
  return {
    kind: 'transit',
    wrap: async (plain, bound) => {
      const text = Buffer.concat([lengthOf(bound), Buffer.from(bound), plain])
      const plaintext = text.toString('base64')
      text.fill(0)
      return ciphertextOf(await ask(options, 'encrypt', { plaintext }))
    },
    unwrap: async (wrapped, bound) => {
      const ciphertext = Buffer.from(wrapped).toString('latin1')
      if (!CIPHERTEXT.test(ciphertext)) return undefined
      const answer = await ask(options, 'decrypt', { ciphertext })
      return answer && withoutBinding(Buffer.from(String(answer.plaintext), 'base64'), bound)
    },
    rewrap: async (wrapped) => ciphertextOf(await ask(options, 'rewrap', { ciphertext: Buffer.from(wrapped).toString('latin1') })),
  }
}

function lengthOf(bound: string): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(Buffer.byteLength(bound))
  return bytes
}

function withoutBinding(text: Buffer, bound: string): Buffer | undefined {
  const head = Buffer.concat([lengthOf(bound), Buffer.from(bound)])
  const isBound = text.length > head.length && text.subarray(0, head.length).equals(head)
  const secret = isBound ? Buffer.from(text.subarray(head.length)) : undefined
  text.fill(0)
  return secret
}

function ciphertextOf(answer: Record<string, unknown> | undefined): Buffer {
  const ciphertext = answer?.ciphertext
  if (typeof ciphertext !== 'string' || !CIPHERTEXT.test(ciphertext)) throw unavailable('it gave no ciphertext')
  return Buffer.from(ciphertext, 'latin1')
}

/** The `data` of the answer; undefined when the service says that the request itself is wrong (400): it was wrapped under another key. */
async function ask(
  options: TransitOptions,
  call: 'encrypt' | 'decrypt' | 'rewrap',
  body: Record<string, string>,
): Promise<Record<string, unknown> | undefined> {
  const { status, text } = await post(options, call, JSON.stringify(body))
  if (status === 400 && call !== 'encrypt') return undefined
  if (status === 403) throw unavailable('it refuses the token (HTTP 403)')
  if (status === 404) throw unavailable(`it knows no key ${options.key} at ${options.mount} (HTTP 404)`)
  if (status === 503) throw unavailable('it is sealed or in maintenance (HTTP 503)')
  if (status !== 200) throw unavailable(`it answered with HTTP ${status}`)
  try {
    const { data } = JSON.parse(text) as { data?: Record<string, unknown> }
    if (typeof data === 'object' && data !== null) return data
  } catch {
    // Said below: its text may hold what it was asked, and is not repeated.
  }
  throw unavailable('its answer cannot be read')
}

function post(options: TransitOptions, call: string, body: string): Promise<{ status: number; text: string }> {
  const { url, mount, key, namespace, timeoutMs = TIMEOUT_MS } = options
  return new Promise((resolve, reject) => {
    const target = new URL(`${url.replace(/\/+$/, '')}/v1/${mount}/${call}/${encodeURIComponent(key)}`)
    const headers = {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'x-vault-request': 'true',
      'x-vault-token': tokenOf(options),
      ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
    }
    const isSecure = target.protocol === 'https:'
    const ca = options.ca === undefined ? {} : { ca: readText(options.ca, 'the certificate authority') }
    const request = (isSecure ? https : http).request(target, { method: 'POST', headers, agent: false, ...ca }, (response) => {
      const parts: Buffer[] = []
      let size = 0
      response.on('error', () => reject(unavailable('its answer broke off')))
      response.on('data', (part: Buffer) => {
        size += part.length
        if (size > ANSWER_BYTES_MAX) request.destroy()
        else parts.push(part)
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') }))
    })
    const late = setTimeout(() => request.destroy(new Error('ETIMEDOUT')), timeoutMs)
    request.on('close', () => clearTimeout(late))
    request.on('error', (cause: NodeJS.ErrnoException) => reject(unavailable(`it cannot be reached (${cause.code ?? cause.message})`)))
    request.end(body)
  })
}

function tokenOf({ token, tokenFile }: TransitOptions): string {
  const text = tokenFile === undefined ? (token?.reveal() ?? '') : readText(tokenFile, 'its token').trim()
  if (text === '') throw unavailable('there is no token for it')
  return text
}

function readText(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (thrown) {
    throw unavailable(`${what} cannot be read from ${file} (${(thrown as NodeJS.ErrnoException).code ?? 'no reason given'})`)
  }
}

function unavailable(why: string): BulkheadError {
  return new BulkheadError('key_service_unavailable', `the key service does not help: ${why}`)
}
