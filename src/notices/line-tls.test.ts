/** What is configured of TLS holds: no word of a notice goes to a mail server in the clear, or to one that nobody knows. */
import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import { SMTPServer } from 'smtp-server'
import type { NoticeSmtp } from '#model/notices-config.ts'
import { Line } from './line.ts'

/** Without STARTTLS, or with a certificate that nobody has signed. */
async function serve(t: TestContext, hasTls: boolean, tls: NoticeSmtp['tls']) {
  const taken: { secure: boolean }[] = []
  const server = new SMTPServer({
    ...{ authOptional: true, disabledCommands: hasTls ? ['AUTH'] : ['STARTTLS', 'AUTH'], disableReverseLookup: true, logger: false },
    onData: (stream, { secure }, done) => {
      stream.resume().on('end', () => {
        taken.push({ secure })
        done()
      })
    },
  })
  server.on('error', () => undefined)
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.server.address() as AddressInfo
  const settings = { user: undefined, passwordFile: undefined, ca: undefined, connections: 1, perSecond: 100, tls }
  const line = new Line({ ...settings, host: '127.0.0.1', port, name: 'company.example', answerMs: 5000 })
  t.after(async () => {
    line.close()
    await new Promise<void>((resolve) => server.close(resolve))
  })
  const trouble = await line.open()
  const outcome = await line.send(
    { from: 'a@company.example', to: 'ann@example.org', needsUtf8: false },
    Buffer.from('Subject: a\r\n\r\nb\r\n'),
  )
  return { trouble, kind: outcome.kind, taken }
}

test('where TLS is required nothing goes to a server that has none, nor to one with a certificate of nobody', async (t) => {
  for (const hasTls of [false, true]) {
    const { trouble, kind, taken } = await serve(t, hasTls, 'required')
    assert.notEqual(trouble, undefined)
    assert.deepEqual([kind, taken], ['trouble', []])
  }
})

test('where it is taken as it comes, a server without it gets mails, and one with a certificate of nobody none', async (t) => {
  assert.deepEqual((await serve(t, false, 'opportunistic')).taken, [{ secure: false }])
  assert.deepEqual((await serve(t, true, 'opportunistic')).taken, [])
  assert.deepEqual((await serve(t, true, 'none')).taken, [{ secure: false }])
})
