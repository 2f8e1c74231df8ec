/** The staff API as the command line calls it: found through the run file of the data folder, with the credential of who acts. */
import http from 'node:http'
import type { Readable } from 'node:stream'
import { readFileSync } from 'node:fs'
import { type Instance, openInstance, readOperatorCredential, readRun } from '#app/instance.ts'
import { BulkheadError, isErrorCode } from '#base/errors.ts'
import type { Context } from './context.ts'

const ERROR_BYTES_MAX = 1024 * 1024

export interface StaffClient {
  get<Answer>(route: string): Promise<Answer>
  post<Answer>(route: string, body: unknown, timeoutMs?: number): Promise<Answer>
  /** A file as it is, whatever its length. */
  upload<Answer>(route: string, content: Readable, headers: Record<string, string>): Promise<Answer>
  /** The bytes of an NDJSON answer as they come. */
  bytes(route: string, body: unknown): AsyncGenerator<Buffer, void>
}

/** The answer of the API to a request that it refused, with what it sent beside the error. */
export class RefusedError extends BulkheadError {
  readonly answer: Record<string, unknown>

  constructor(code: BulkheadError['code'], message: string, hint: string | undefined, answer: Record<string, unknown>) {
    super(code, message, hint === undefined ? {} : { hint })
    this.answer = answer
  }
}

/** Throws `not_running` when nothing runs on the data folder, or it is still starting. */
export function connect(context: Context): StaffClient {
  const instance = openInstance({ dataDir: context.dataDir, create: false, env: context.env })
  const run = readRun(instance.dataDir)
  if (run === undefined) throw new BulkheadError('not_running', `no Bulkhead runs on ${instance.dataDir}`)
  return openClient(run.consoleUrl, instance, context)
}

export function openClient(consoleUrl: string, instance: Instance, context: Pick<Context, 'as' | 'env'>): StaffClient {
  if (consoleUrl === '')
    throw new BulkheadError('not_running', 'Bulkhead is still starting', { hint: 'Wait until it says that it is ready.' })
  const credential = givenCredential(context) ?? readOperatorCredential(instance)
  const request = async (method: string, route: string, body: unknown, timeoutMs?: number): Promise<http.IncomingMessage> => {
    const response = await send(new URL(route, consoleUrl), method, credential, body, timeoutMs)
    if (response.statusCode === 200) return response
    throw refusal(await readText(response, ERROR_BYTES_MAX), response.statusCode ?? 0)
  }
  const json = async <Answer>(response: http.IncomingMessage): Promise<Answer> => JSON.parse(await readText(response, Infinity)) as Answer
  return {
    get: async (route) => json(await request('GET', route, undefined)),
    post: async (route, body, timeoutMs) => json(await request('POST', route, body, timeoutMs)),
    upload: async (route, content, headers) => {
      const response = await sendFile(new URL(route, consoleUrl), credential, content, headers)
      if (response.statusCode !== 200) throw refusal(await readText(response, ERROR_BYTES_MAX), response.statusCode ?? 0)
      return json(response)
    },
    bytes: async function* (route, body) {
      for await (const chunk of await request('POST', route, body)) yield chunk as Buffer
    },
  }
}

/** What somebody gave by `--as FILE`, else in the environment. Throws `unauthorized` for a file that cannot be read. */
export function givenCredential({ as, env }: Pick<Context, 'as' | 'env'>): string | undefined {
  if (as === undefined) return env.BULKHEAD_CREDENTIAL?.trim() || undefined
  try {
    return readFileSync(as, 'utf8').trim()
  } catch (cause) {
    throw new BulkheadError('unauthorized', `the credential in ${as} cannot be read`, { cause })
  }
}

/** Whether anything answers there at all, in time. */
export async function answersWithin(consoleUrl: string, ms: number): Promise<boolean> {
  if (consoleUrl === '') return false
  try {
    const response = await send(new URL('/healthz', consoleUrl), 'GET', '', undefined, ms)
    response.resume()
    return true
  } catch {
    // Whatever the reason, nobody is there to be asked.
    return false
  }
}

function send(url: URL, method: string, credential: string, body: unknown, timeoutMs?: number): Promise<http.IncomingMessage> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${credential}`, ...(text === undefined ? {} : { 'content-type': 'application/json' }) }
    // A connection of its own: a kept one would hold the command open after its answer.
    const request = http.request(url, { method, headers, agent: false }, (response) => {
      clearTimeout(timer)
      resolve(response)
    })
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => request.destroy(new Error('no answer in time')), timeoutMs)
    request.on('error', (cause) => {
      clearTimeout(timer)
      reject(new BulkheadError('not_running', `the staff API at ${url.origin} does not answer`, { cause }))
    })
    request.end(text)
  })
}

/** Whoever refuses a file early answers before it is sent whole: that answer counts, not the connection that breaks then. */
function sendFile(url: URL, credential: string, content: Readable, headers: Record<string, string>): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    let isAnswered = false
    const all = { ...headers, authorization: `Bearer ${credential}`, 'content-type': 'application/octet-stream' }
    const request = http.request(url, { method: 'POST', headers: all, agent: false }, (response) => {
      isAnswered = true
      resolve(response)
    })
    const silent = (cause: Error): void => {
      if (isAnswered) return
      reject(new BulkheadError('not_running', `the staff API at ${url.origin} does not answer`, { cause }))
    }
    request.on('error', silent)
    content.on('error', (cause) => {
      request.destroy()
      reject(new BulkheadError('bad_usage', 'the file could not be read to its end', { cause }))
    })
    content.pipe(request)
  })
}

function refusal(text: string, status: number): RefusedError {
  try {
    const answer = JSON.parse(text) as { error?: { code?: unknown; message?: unknown; hint?: unknown } }
    const { code, message, hint } = answer.error ?? {}
    if (isErrorCode(code))
      return new RefusedError(code, String(message), typeof hint === 'string' ? hint : undefined, answer as Record<string, unknown>)
  } catch {
    // Not our API, or cut short: said below.
  }
  return new RefusedError('internal', `the staff API answered with HTTP ${status} and no reason`, undefined, {})
}

async function readText(stream: Readable, bytesMax: number): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream) {
    size += (chunk as Buffer).length
    if (size > bytesMax) break
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}
