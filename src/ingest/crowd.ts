/**
 * Who may hold connections open: of one network only so many, and when nearly all are taken, those that wait for a next
 * request give way. A connection that is one too many is closed without a byte; opening it has cost us least then.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** From this share of all connections on, idle ones are closed. */
const CROWDED_SHARE = 0.9
const CLEAR_EVERY_MS = 1000

export class Crowd {
  readonly #perNetwork: number
  readonly #total: number
  readonly #networkOf: (socket: Socket) => string | undefined
  readonly #open = new Map<string, number>()
  #all = 0
  #clearedAt = Number.NEGATIVE_INFINITY
  #refused = { network: 0, total: 0, handshake: 0 }

  /** `networkOf`: undefined for peers that are no network of strangers, trusted proxies among them. */
  constructor(options: { perNetwork: number; total: number; networkOf: (socket: Socket) => string | undefined }) {
    this.#perNetwork = options.perNetwork
    this.#total = options.total
    this.#networkOf = options.networkOf
  }

  watch(server: Server, now: () => number): void {
    server.maxConnections = this.#total
    server.on('drop', () => void this.#refused.total++)
    server.on('connection', (socket: Socket) => {
      this.#all++
      socket.once('close', () => void this.#all--)
      this.#admit(socket)
      if (this.#all < this.#total * CROWDED_SHARE || now() - this.#clearedAt < CLEAR_EVERY_MS) return
      this.#clearedAt = now()
      server.closeIdleConnections()
    })
    // Node has told the connection's own error handling already; it has no answer that this peer could read.
    server.on('tlsClientError', (_error: Error, socket: Socket) => {
      this.#refused.handshake++
      socket.destroy()
    })
  }

  #admit(socket: Socket): void {
    const network = this.#networkOf(socket)
    if (network === undefined) return
    const open = this.#open.get(network) ?? 0
    if (open >= this.#perNetwork) {
      this.#refused.network++
      socket.destroy()
      return
    }
    this.#open.set(network, open + 1)
    socket.once('close', () => {
      const left = (this.#open.get(network) ?? 1) - 1
      if (left === 0) this.#open.delete(network)
      else this.#open.set(network, left)
    })
  }

  stats(): { open: number; refused: Record<'network' | 'total' | 'handshake', number> } {
    return { open: this.#all, refused: { ...this.#refused } }
  }
}
