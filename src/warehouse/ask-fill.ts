/** Asks the process behind the socket to fill a day. `token` is that of the worker. */
import http from 'node:http'
import { BulkheadError } from '#base/errors.ts'

/** A day with many events takes a while. */
const ANSWER_MS = 3_600_000

export function askFill(socketPath: string, token: string, day: string, fill: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (code: string): void =>
      reject(new BulkheadError('warehouse_failed', `the warehouse did not fill ${day} (${code}); the day is as it was`))
    const headers = { 'x-clickhouse-user': 'loader', 'x-clickhouse-key': token }
    const place = `/fill?${new URLSearchParams({ day, fill: String(fill) }).toString()}`
    const request = http.request({ socketPath, path: place, method: 'POST', headers, agent: false, timeout: ANSWER_MS }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('error', () => failed('the answer broke off'))
      response.on('end', () => {
        if (response.statusCode !== 200) return failed(`code ${response.headers['x-clickhouse-exception-code'] ?? response.statusCode}`)
        resolve((JSON.parse(Buffer.concat(parts).toString()) as { rows: number }).rows)
      })
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => failed('no answer'))
    request.end()
  })
}
