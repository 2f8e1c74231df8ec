/** A vendor that takes everything and only counts, so that it costs little beside what is measured. Prints its port. */
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

let records = 0
const mark = Buffer.from('"$insert_id"')

const server = http.createServer((request, response) => {
  if (request.url === '/count') return void response.end(String(records))
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    const body = Buffer.concat(parts)
    const text = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
    let count = 0
    for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + mark.length)) count++
    records += count
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ code: 200, num_records_imported: count, status: 'OK' }))
  })
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`))
process.on('SIGTERM', () => process.exit(0))
process.on('disconnect', () => process.exit(0))
