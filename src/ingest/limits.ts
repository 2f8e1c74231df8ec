export interface GatewayLimits {
  /** Of a body after its `Content-Encoding` was undone, and of what a protocol unpacks. */
  inflatedBytesMax: number
  /** Of all bodies in memory at one time; beyond it requests are answered as overloaded. */
  heldBytesMax: number
  /** How much of a body that will be refused is still read, so that the client gets to see the answer. */
  discardBytesMax: number
  headerBytesMax: number
  /** Node would leave out those beyond the limit without a word, a proxy's own among them: such a request is refused. */
  headersMax: number
  headersTimeoutMs: number
  requestTimeoutMs: number
  keepAliveTimeoutMs: number
  connectionsCheckEveryMs: number
  /** A connection on which nothing moves, as when an answer is not read, is closed. */
  stalledMs: number
  connectionsMax: number
  connectionsPerNetworkMax: number
  tlsLookEveryMs: number
  vaultTimeoutMs: number
  closeGraceMs: number
}

export const GATEWAY_LIMITS: GatewayLimits = {
  inflatedBytesMax: 16 * 1024 ** 2,
  heldBytesMax: 256 * 1024 ** 2,
  discardBytesMax: 16 * 1024 ** 2,
  // Server SDKs and pixels put whole events into the URL.
  headerBytesMax: 64 * 1024,
  headersMax: 200,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  // Longer than the 60 s that proxies keep idle upstream connections, so that it is the proxy that closes.
  keepAliveTimeoutMs: 75_000,
  connectionsCheckEveryMs: 1000,
  stalledMs: 60_000,
  connectionsMax: 10_000,
  connectionsPerNetworkMax: 1000,
  tlsLookEveryMs: 5000,
  vaultTimeoutMs: 10_000,
  closeGraceMs: 3000,
}
