/**
 * A key service for tests, as HashiCorp publishes the Transit API: it refuses what is not of the published shape, keeps versions
 * of its key, and can be away.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'

export const TRANSIT_TOKEN = 'hvs.test-token'

export interface TestTransit {
  url: string
  port: number
  /** Paths that were asked for. */
  calls: string[]
  /** What was wrong with requests. */
  complaints: string[]
  /** While it is set, everything is answered with this status. */
  away: number | undefined
  /** As an operator's `vault write -f transit/keys/KEY/rotate`. */
  rotate(): void
  close(): Promise<void>
}

const PATH = /^\/v1\/transit\/(encrypt|decrypt|rewrap)\/bulkhead$/
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

export async function startTransit(port = 0): Promise<TestTransit> {
  const versions = [randomBytes(32)]
  const transit: TestTransit = {
    url: '',
    port: 0,
    calls: [],
    complaints: [],
    away: undefined,
    rotate: () => void versions.push(randomBytes(32)),
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
  const encrypt = (plaintext: string): string => {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', versions.at(-1) as Buffer, nonce)
    const text = Buffer.concat([cipher.update(Buffer.from(plaintext, 'base64')), cipher.final(), cipher.getAuthTag()])
    return `vault:v${versions.length}:${Buffer.concat([nonce, text]).toString('base64')}`
  }
  const decrypt = (ciphertext: string): string | undefined => {
    const match = /^vault:v(\d+):(.+)$/.exec(ciphertext)
    const key = versions[Number(match?.[1]) - 1]
    if (match === null || key === undefined) return undefined
    const bytes = Buffer.from(match[2] as string, 'base64')
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
    decipher.setAuthTag(bytes.subarray(-16))
    try {
      return Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]).toString('base64')
    } catch {
      // Not made by any version of this key.
      return undefined
    }
  }
  const server = http.createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const answer = (status: number, body: unknown): void =>
        void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      const refuse = (status: number, what: string): void => {
        transit.complaints.push(what)
        answer(status, { errors: [what] })
      }
      transit.calls.push(request.url ?? '')
      if (transit.away !== undefined) return answer(transit.away, { errors: ['Vault is sealed'] })
      const call = PATH.exec(request.url ?? '')?.[1]
      if (request.method !== 'POST' || call === undefined) return refuse(404, `${request.method} ${request.url}`)
      if (request.headers['x-vault-token'] !== TRANSIT_TOKEN) return refuse(403, 'permission denied')
      if (request.headers['x-vault-request'] !== 'true') return refuse(400, 'no X-Vault-Request')
      const body = JSON.parse(Buffer.concat(parts).toString()) as Record<string, unknown>
      const [name, ...more] = Object.keys(body)
      const value = body[name ?? '']
      if (more.length > 0 || typeof value !== 'string' || name !== (call === 'encrypt' ? 'plaintext' : 'ciphertext')) {
        return refuse(400, `the body of ${call} has ${Object.keys(body).join(', ')}`)
      }
      if (call === 'encrypt' && !BASE64.test(value)) return refuse(400, 'the plaintext is not base64')
      const plaintext = call === 'encrypt' ? value : decrypt(value)
      if (plaintext === undefined) return refuse(400, 'cipher: message authentication failed')
      const data = call === 'decrypt' ? { plaintext } : { ciphertext: encrypt(plaintext), key_version: versions.length }
      answer(200, {
        request_id: 'test',
        lease_id: '',
        renewable: false,
        lease_duration: 0,
        data,
        wrap_info: null,
        warnings: null,
        auth: null,
      })
    })
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  transit.port = (server.address() as AddressInfo).port
  transit.url = `http://127.0.0.1:${transit.port}`
  return transit
}
