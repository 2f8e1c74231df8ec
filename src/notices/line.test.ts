/** What becomes of one mail, whatever the mail server does at each step of the talk: a server of lines, so that every step can go wrong. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { Line, type LineOptions, type Outcome } from './line.ts'

type Step = 'greeting' | 'EHLO' | 'AUTH' | 'MAIL' | 'RCPT' | 'DATA' | 'mail' | 'RSET'
/** An answer; `close`: the connection ends instead. */
type Script = Partial<Record<Step, string | 'close'>>

const GOOD: Record<Step, string> = {
  greeting: '220 test',
  EHLO: '250-test\r\n250 PIPELINING',
  AUTH: '235 welcome',
  MAIL: '250 ok',
  RCPT: '250 ok',
  DATA: '354 go on',
  mail: '250 taken',
  RSET: '250 ok',
}

interface Served {
  /** Mails, and every other line. */
  seen?: string[]
  heard?: string[]
  /** The server goes when it has taken a mail. */
  leaves?: boolean
  more?: Partial<LineOptions>
}

async function serve(t: TestContext, script: Script, { seen = [], heard = [], leaves = false, more = {} }: Served = {}): Promise<Line> {
  const answers = { ...GOOD, ...script }
  const server = net.createServer((socket) => {
    let rest = ''
    let isMail = false
    const say = (step: Step): void => {
      const answer = answers[step]
      if (answer === 'close') socket.destroy()
      else socket.write(`${answer}\r\n`)
    }
    socket.on('error', () => undefined)
    socket.setEncoding('latin1').on('data', (text: string) => {
      rest += text
      for (;;) {
        // A mail without a line ends with its first dot.
        if (isMail && rest.startsWith('.\r\n')) rest = `\r\n${rest}`
        const end = isMail ? rest.indexOf('\r\n.\r\n') : rest.indexOf('\r\n')
        if (end < 0) return
        const line = rest.slice(0, end)
        rest = rest.slice(end + (isMail ? 5 : 2))
        if (isMail) {
          isMail = false
          seen.push(line)
          say('mail')
          if (leaves) socket.end()
          continue
        }
        heard.push(line)
        const verb = (line.split(/[ :]/)[0] as string).toUpperCase()
        if (verb === 'QUIT') socket.end('221 bye\r\n')
        else say(verb as Step)
        if (verb === 'DATA' && answers.DATA.startsWith('354')) isMail = true
      }
    })
    say('greeting')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as net.AddressInfo
  const settings = { user: undefined, passwordFile: undefined, ca: undefined, connections: 1, perSecond: 100, tls: 'none' as const }
  const line = new Line({ ...settings, host: '127.0.0.1', port, name: 'company.example', answerMs: 2000, ...more })
  t.after(() => {
    line.close()
    server.close()
  })
  return line
}

const { connect } = net.Socket.prototype
const MAIL = Buffer.from('Subject: a\r\n\r\n.dots\r\nand text\r\n')
const ENVELOPE = { from: 'a@company.example', to: 'ann@example.org', needsUtf8: false }

async function fate(t: TestContext, script: Script): Promise<Outcome> {
  const line = await serve(t, script)
  assert.equal(await line.open(), undefined)
  return line.send(ENVELOPE, MAIL)
}

test('a mail that is taken is taken whole, and the next goes on the same connection', async (t) => {
  const seen: string[] = []
  const line = await serve(t, {}, { seen })
  for (let mail = 0; mail < 3; mail++) {
    assert.equal(await line.open(), undefined)
    assert.deepEqual(await line.send(ENVELOPE, MAIL), { kind: 'accepted', reply: 250 })
  }
  assert.equal(seen.length, 3)
  assert.match(seen[0] as string, /\r\n\.\.dots\r\nand text$/)
})

test('refusals of the recipient or the mail are told apart from trouble that says nothing of them', { timeout: 240_000 }, async (t) => {
  const cases: [Script, Outcome['kind'], number?][] = [
    [{ RCPT: '550 nobody', DATA: '503 no recipient' }, 'refused', 550],
    [{ RCPT: '451 later', DATA: '503 no recipient' }, 'deferred', 451],
    [{ RCPT: '550 nobody', DATA: '354 all the same' }, 'refused', 550],
    [{ DATA: '554 no' }, 'refused', 554],
    [{ mail: '554 spam' }, 'refused', 554],
    [{ mail: '452 full' }, 'deferred', 452],
    [{ mail: '421 bye' }, 'deferred', 421],
    [{ mail: '541 no' }, 'refused', 541],
    [{ mail: '251 elsewhere' }, 'accepted', 251],
    [{ MAIL: '550 not you' }, 'trouble'],
    [{ MAIL: '451 slow down' }, 'trouble'],
    [{ RCPT: '421 bye' }, 'trouble'],
    [{ MAIL: 'close' }, 'trouble'],
    [{ RCPT: 'close' }, 'trouble'],
    [{ DATA: 'close' }, 'trouble'],
    [{ mail: 'close' }, 'open'],
  ]
  for (const [script, kind, reply] of cases) {
    const outcome = await fate(t, script)
    assert.equal(outcome.kind, kind, JSON.stringify(script))
    if (reply !== undefined) assert.equal((outcome as { reply: number }).reply, reply)
  }
})

test('what keeps a connection from opening is told by its code, and the server’s own words are not', async (t) => {
  const greeted = await serve(t, { greeting: '554 ann@example.org is not welcome' })
  const refused = await greeted.open()
  assert.deepEqual([refused?.trouble, refused?.refusal?.about, refused?.refusal?.stage], ['554', 'us', 'connection'])
  assert.equal(refused?.refusal?.words, '… is not …')
  const silent = await serve(t, { greeting: 'close' })
  assert.match((await silent.open())?.trouble ?? '', /^E[A-Z]+$/)
  assert.deepEqual(await silent.send(ENVELOPE, MAIL), { kind: 'trouble', trouble: 'ECONNECTION' })
})

test('a server that refuses us is told apart by where it says so', { timeout: 240_000 }, async (t) => {
  const cases: [Script, string][] = [
    [{ MAIL: '550 not you', RCPT: '503 no', DATA: '503 no' }, 'us'],
    [{ MAIL: '553 5.1.8 sender domain', RCPT: '503 no', DATA: '503 no' }, 'us'],
    [{ RCPT: '530 5.7.0 authentication required', DATA: '503 no' }, 'us'],
    [{ RCPT: '554 5.7.1 relaying denied', DATA: '503 no' }, 'rule'],
    [{ RCPT: '550 5.1.1 nobody', DATA: '503 no' }, 'person'],
    [{ RCPT: '550 no', DATA: '503 no' }, 'unclear'],
    [{ mail: '550 5.7.26 not signed' }, 'us'],
  ]
  for (const [script, about] of cases) {
    const outcome = await fate(t, script)
    assert.ok(outcome.kind === 'refused' || outcome.kind === 'trouble')
    assert.equal(outcome.refusal?.about, about, JSON.stringify(script))
  }
  // For now is not for good.
  const later = await fate(t, { MAIL: '451 slow down', RCPT: '503 no', DATA: '503 no' })
  assert.deepEqual(later, { kind: 'trouble', trouble: '451 after MAIL' })
  const never = await fate(t, { MAIL: '550 not you', RCPT: '503 no', DATA: '503 no' })
  assert.ok(never.kind === 'trouble' && never.refusal?.stage === 'sender')
})

test('a mail that is too large for the server is told by its size, whether it was announced or said, and the connection goes on', {
  timeout: 240_000,
}, async (t) => {
  const cases: [Script, number | undefined][] = [
    [{ EHLO: '250-test\r\n250 SIZE 20' }, 20],
    [{ MAIL: '552 5.3.4 Message size exceeds fixed limit', RCPT: '503 no', DATA: '503 no' }, undefined],
    [{ MAIL: '552 too big', RCPT: '503 no', DATA: '503 no' }, undefined],
    [{ DATA: '552 5.3.4 too big' }, undefined],
    [{ mail: '552-5.2.3 Your message exceeded\r\n552 5.2.3 our limits' }, undefined],
  ]
  for (const [script, limit] of cases) {
    const line = await serve(t, script)
    for (let mail = 0; mail < 2; mail++) {
      assert.equal(await line.open(), undefined)
      const outcome = await line.send(ENVELOPE, MAIL)
      assert.ok(outcome.kind === 'refused', JSON.stringify([script, outcome]))
      assert.deepEqual([outcome.reply, outcome.refusal.about, outcome.refusal.bytes?.mail], [552, 'size', MAIL.length])
      assert.equal(outcome.refusal.bytes?.limit, limit)
    }
  }
  const none = await fate(t, { EHLO: '250-test\r\n250 SIZE 0' })
  assert.equal(none.kind, 'accepted')
})

test('after a refusal the connection is of use again; an address beyond ASCII needs a server that takes it', async (t) => {
  const [seen, heard]: [string[], string[]] = [[], []]
  const line = await serve(t, { mail: '554 spam' }, { seen, heard })
  await line.open()
  assert.equal((await line.send(ENVELOPE, MAIL)).kind, 'refused')
  assert.equal(await line.open(), undefined)
  assert.equal((await line.send(ENVELOPE, MAIL)).kind, 'refused')
  assert.equal(seen.length, 2)
  assert.equal(heard.filter((each) => each.startsWith('EHLO')).length, 1)
  const verbs = heard.map((each) => each.split(' ')[0])
  assert.ok(
    verbs.indexOf('RSET') > verbs.indexOf('DATA') && verbs.indexOf('RSET') < verbs.lastIndexOf('MAIL'),
    'nothing of the first is left',
  )
  const utf8 = { ...ENVELOPE, to: 'अनु@example.org', needsUtf8: true }
  assert.deepEqual(await line.send(utf8, MAIL), { kind: 'unsupported' })
  assert.equal(seen.length, 2)
})

test('a connection is used for two hundred mails, and the next one is another', { timeout: 240_000 }, async (t) => {
  const seen: string[] = []
  const line = await serve(t, {}, { seen })
  let connections = 0
  t.mock.method(net.Socket.prototype, 'connect', function (this: net.Socket, ...given: unknown[]) {
    connections += 1
    return connect.apply(this, given as never)
  })
  for (let mail = 1; mail <= 201; mail++) {
    assert.equal(await line.open(), undefined)
    assert.equal((await line.send(ENVELOPE, MAIL)).kind, 'accepted')
    assert.equal(connections, mail <= 200 ? 1 : 2, `mail ${mail}`)
  }
  assert.equal(seen.length, 201)
})

test('a server that says goodbye is left, and the next mail goes on another connection', async (t) => {
  const line = await serve(t, { RCPT: '421 bye' })
  let connections = 0
  t.mock.method(net.Socket.prototype, 'connect', function (this: net.Socket, ...given: unknown[]) {
    connections += 1
    return connect.apply(this, given as never)
  })
  for (let mail = 1; mail <= 2; mail++) {
    assert.equal(await line.open(), undefined)
    assert.equal((await line.send(ENVELOPE, MAIL)).kind, 'trouble')
    assert.equal(connections, mail)
  }
})

/** How many connections were made, and an end of the last one that was. */
function countConnections(t: TestContext): { made: () => number; end: () => Promise<unknown> } {
  const sockets: net.Socket[] = []
  t.mock.method(net.Socket.prototype, 'connect', function (this: net.Socket, ...given: unknown[]) {
    sockets.push(this)
    return connect.apply(this, given as never)
  })
  return { made: () => sockets.length, end: () => once(sockets.at(-1) as net.Socket, 'close') }
}

test('a connection that the server ended between two mails is left, and so is one that it does not clear after a refusal', async (t) => {
  const line = await serve(t, {}, { leaves: true })
  const { made, end } = countConnections(t)
  for (let mail = 1; mail <= 2; mail++) {
    assert.equal(await line.open(), undefined)
    const ended = end()
    assert.equal((await line.send(ENVELOPE, MAIL)).kind, 'accepted')
    await ended
    assert.equal(made(), mail)
  }
  const other = await serve(t, { mail: '554 spam', RSET: '500 what' })
  for (let mail = 3; mail <= 4; mail++) {
    assert.equal(await other.open(), undefined)
    assert.equal((await other.send(ENVELOPE, MAIL)).kind, 'refused')
    assert.equal(made(), mail)
  }
})

test('who signs in does so before the first mail, with the password as its file has it without space around; who may not is told', async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-line-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const passwordFile = path.join(folder, 'password')
  writeFileSync(passwordFile, ' pass word\n')
  const more = { user: 'ann', passwordFile }
  const EHLO = '250-test\r\n250 AUTH PLAIN'
  const heard: string[] = []
  const line = await serve(t, { EHLO }, { heard, more })
  assert.equal(await line.open(), undefined)
  assert.equal((await line.send(ENVELOPE, MAIL)).kind, 'accepted')
  const [, auth = '', next = ''] = heard
  assert.equal(Buffer.from(auth.replace('AUTH PLAIN ', ''), 'base64').toString(), '\0ann\0pass word')
  assert.match(next, /^MAIL FROM/)
  const refused = await (await serve(t, { EHLO, AUTH: '535 5.7.8 no' }, { more })).open()
  assert.deepEqual([refused?.refusal?.stage, refused?.refusal?.about], ['sign-in', 'us'])
  assert.match(refused?.trouble ?? '', /^535/)
  const nowhere = { host: '127.0.0.1', port: 1, name: 'company.example', ca: undefined, connections: 1, perSecond: 1, tls: 'none' as const }
  assert.throws(() => new Line({ ...nowhere, user: 'ann', passwordFile: path.join(folder, 'none') }), { code: 'notice_key_unusable' })
})

test('whoever leaves says goodbye', async (t) => {
  const heard: string[] = []
  const line = await serve(t, {}, { heard })
  const { end } = countConnections(t)
  assert.equal(await line.open(), undefined)
  const ended = end()
  line.close()
  await ended
  assert.equal(heard.at(-1), 'QUIT')
})
