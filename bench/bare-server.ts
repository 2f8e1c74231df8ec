/**
 * The peer of the gateway: the least that can take a batch and keep it. node:http, JSON.parse, one LMDB blob a request,
 * flushed before the answer, requests that wait at the same time share a flush. No CORS, no protocol, no split, no vault.
 * `node bench/bare-server.ts FOLDER` prints its port.
 */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { open } from 'lmdb'

const database = open<Buffer, number>({ path: process.argv[2] ?? '', encoding: 'binary', keyEncoding: 'uint32', compression: false })
let sequence = 0

const server = http.createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', async () => {
    const body = Buffer.concat(parts)
    const records = JSON.parse(body.toString()) as unknown[]
    const written = database.put(++sequence, body)
    await written
    await database.flushed
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(records.length > 0 ? '{"error":null,"status":1}' : '{"error":"no data","status":0}')
  })
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`))
process.on('SIGTERM', () => process.exit(0))
process.on('disconnect', () => process.exit(0))
