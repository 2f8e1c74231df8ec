import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { gitPlace } from './git-place.ts'

test('a repository that sends elsewhere is not followed there', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-git-'))
  const asked: string[] = []
  const server = http.createServer((request, response) => {
    asked.push(request.url ?? '')
    response.writeHead(302, { Location: `/elsewhere${request.url ?? ''}` }).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const remote = `http://127.0.0.1:${(server.address() as AddressInfo).port}/ours.git`
  const place = gitPlace({ id: 'repository', kind: 'git', remote, branch: 'main', file: 'checkpoint' }, folder)
  await assert.rejects(place.held?.('', AbortSignal.timeout(20_000)) ?? Promise.resolve(), { code: 'refused' })
  assert.ok(asked.length > 0)
  assert.deepEqual(
    asked.filter((url) => !url.startsWith('/ours.git')),
    [],
  )
})
