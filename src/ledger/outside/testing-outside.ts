/** For tests: a tree over made-up leaves with its signed checkpoints, a witness that checks and co-signs, a mailbox. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { formatCheckpoint, openCheckpoint } from '#ledger/checkpoint.ts'
import {
  formatNote,
  formatSignature,
  formatVerifierKey,
  noteSignature,
  type NoteVerifier,
  noteVerifier,
  parseNote,
  signedBytes,
} from '#ledger/note.ts'
import { isConsistent, leafHash, nodeHash, type SubtreeHashes, treeRoot } from '#ledger/tree.ts'
import type { OwnTree } from './place.ts'

export class TestTree {
  readonly #keys = generateKeyPairSync('ed25519')
  origin = 'bulkhead/ledger/test'
  leaves: Buffer[] = []
  former: { origin: string; kept: number; known: number }[] = []

  constructor(size: number) {
    this.grow(size)
  }

  grow(count: number, word = 'leaf'): void {
    for (let index = 0; index < count; index++) this.leaves.push(leafHash(Buffer.from(`${word} ${this.leaves.length}`)))
  }

  /** As the key store gives it out. */
  get spki(): string {
    return this.#keys.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  }

  verifier(origin = this.origin): NoteVerifier {
    return noteVerifier(origin, this.#keys.publicKey)
  }

  own(size = this.leaves.length): OwnTree {
    const leaves = this.leaves.slice(0, size)
    const hashes: SubtreeHashes = (level, index) => subtree(leaves, level, index)
    const text = formatCheckpoint({ origin: this.origin, size, root: treeRoot(size, hashes), extensions: [] })
    const signatures = [noteSignature(this.verifier(), sign(null, signedBytes(text), this.#keys.privateKey))]
    const verifiers = [this.verifier(), ...this.former.map(({ origin }) => this.verifier(origin))]
    return { newest: openCheckpoint(formatNote({ text, signatures }), verifiers), hashes, verifiers, former: this.former }
  }
}

function subtree(leaves: readonly Buffer[], level: number, index: number): Buffer {
  if (level === 0) return leaves[index] as Buffer
  return nodeHash(subtree(leaves, level - 1, index * 2), subtree(leaves, level - 1, index * 2 + 1))
}

/** c2sp.org/tlog-witness, as its text says, for one log. */
export class TestWitness {
  readonly #keys = generateKeyPairSync('ed25519')
  readonly #server: http.Server
  readonly #log: NoteVerifier
  readonly verifier = noteVerifier('witness.example/one', this.#keys.publicKey, 'cosignature/v1')
  seen = { size: 0, root: Buffer.alloc(0) as Buffer }
  /** Answers that it gave. */
  statuses: number[] = []
  /** Something else than the truth. */
  lie: 'none' | 'silent' | 'wrong_key' | 'redirect' | 'endless' = 'none'

  constructor(log: NoteVerifier) {
    this.#log = log
    this.#server = http.createServer((request, response) => void this.#answer(request, response))
  }

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/w1`
  }

  get key(): string {
    return formatVerifierKey(this.verifier)
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    if (this.lie === 'redirect') return void response.writeHead(307, { location: '/elsewhere' }).end()
    if (this.lie === 'endless') return void response.writeHead(200).end(Buffer.alloc(200_000, 'x'))
    const { status, body = '', type } = this.#judge(`${request.method} ${request.url}`, Buffer.concat(chunks).toString('utf8'))
    this.statuses.push(status)
    if (this.lie === 'silent') return void response.destroy()
    response.writeHead(status, type === undefined ? {} : { 'content-type': type }).end(body)
  }

  #judge(called: string, body: string): { status: number; body?: string; type?: string } {
    if (called !== 'POST /w1/add-checkpoint') return { status: 404 }
    const [head = '', ...rest] = body.split('\n\n')
    const [first = '', ...lines] = head.split('\n')
    const old = Number(/^old (0|[1-9]\d*)$/.exec(first)?.[1] ?? Number.NaN)
    if (Number.isNaN(old) || lines.length > 63) return { status: 400 }
    // An empty proof leaves the blank line behind the first one.
    const note = rest.join('\n\n')
    if (note.split('\n', 1)[0] !== this.#log.name) return { status: 404 }
    try {
      const checkpoint = openCheckpoint(note, [this.#log])
      const { seen } = this
      if (old > checkpoint.size) return { status: 400 }
      if (old !== seen.size) return { status: 409, body: `${seen.size}\n`, type: 'text/x.tlog.size' }
      const proof = lines.map((line) => Buffer.from(line, 'base64'))
      if (old === checkpoint.size && !seen.root.equals(checkpoint.root))
        return { status: 409, body: `${seen.size}\n`, type: 'text/x.tlog.size' }
      const claim = { from: old, to: checkpoint.size, fromRoot: seen.root, toRoot: checkpoint.root, proof }
      if (old === 0 ? proof.length > 0 : !isConsistent(claim)) return { status: 422 }
      this.seen = checkpoint
      return { status: 200, body: this.#cosign(note) }
    } catch {
      return { status: 403 }
    }
  }

  #cosign(note: string): string {
    const seconds = Math.floor(Date.now() / 1000)
    const { text } = parseNote(note)
    const stranger = generateKeyPairSync('ed25519').privateKey
    const key: KeyObject = this.lie === 'wrong_key' ? stranger : this.#keys.privateKey
    return formatSignature(noteSignature(this.verifier, sign(null, signedBytes(text, seconds), key), seconds))
  }
}

export interface Mailbox {
  port: number
  mails: string[]
  /** What it answers instead of taking a mail. */
  refusal: { at: 'rcpt' | 'data'; code: number } | undefined
  stop(): Promise<void>
}

export async function startMailbox(): Promise<Mailbox> {
  const refused = (code: number): Error => Object.assign(new Error('mailbox full'), { responseCode: code })
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onRcptTo: (_address, _session, done) => done(mailbox.refusal?.at === 'rcpt' ? refused(mailbox.refusal.code) : null),
    onData: (stream, _session, done) => {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        if (mailbox.refusal?.at === 'data') return done(refused(mailbox.refusal.code))
        mailbox.mails.push(Buffer.concat(chunks).toString('utf8'))
        done()
      })
    },
  })
  const mailbox: Mailbox = {
    port: 0,
    mails: [],
    refusal: undefined,
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
  server.on('error', () => undefined)
  const listening = server.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  mailbox.port = (listening.address() as AddressInfo).port
  return mailbox
}
