/**
 * What Node leaves to us on a connection: errors below the level of requests are answered in order, after the answers to
 * the requests that were read whole before them. A pipelining client would otherwise take the error for the answer to an
 * earlier request that was kept.
 */
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'

interface Connection {
  /** Requests begun and not yet answered. */
  open: number
  /** Ends the one whose body is still being read. */
  reading: Reading | undefined
  /** The newest exchange. */
  last: { request: IncomingMessage; response: ServerResponse } | undefined
  failure: string | undefined
}

/** The body of one request, as its connection sees it. */
export class Reading {
  #onCut: (() => void) | undefined
  #isCut = false

  /** Called once the body will never be whole. At most one listener, since there is one reader. */
  onCut(listener: (() => void) | undefined): void {
    this.#onCut = listener
    if (this.#isCut) listener?.()
  }

  cut(): void {
    this.#isCut = true
    this.#onCut?.()
  }
}

export class Connections {
  readonly #bySocket = new WeakMap<Socket, Connection>()

  /** Call once a request. */
  begin(request: IncomingMessage, response: ServerResponse): { reading: Reading; bodyRead(): void; end(): void } {
    const { socket } = request
    const connection = this.#connection(socket)
    connection.last = { request, response }
    const reading = new Reading()
    connection.open++
    connection.reading = reading
    let ended = false
    return {
      reading,
      bodyRead: () => {
        if (connection.reading === reading) connection.reading = undefined
      },
      end: () => {
        if (ended) return
        ended = true
        connection.open--
        if (connection.open === 0 && connection.failure !== undefined) finish(socket, connection.failure)
      },
    }
  }

  /** Bad syntax, headers over the limit, a request that takes too long. */
  watch(server: Server): void {
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      const connection = this.#connection(socket)
      if (connection.failure !== undefined) return
      if (error.code === 'ECONNRESET' || !socket.writable) {
        socket.destroy()
        return
      }
      const { last } = connection
      // Answered before its body turned out to be broken: a second answer would be taken for the next request's.
      const isAnswered = last !== undefined && !last.request.complete && last.response.headersSent
      connection.failure = isAnswered ? '' : rawAnswer(error.code)
      connection.reading?.cut()
      if (connection.open === 0) finish(socket, connection.failure)
    })
  }

  #connection(socket: Socket): Connection {
    let connection = this.#bySocket.get(socket)
    if (connection === undefined) {
      connection = { open: 0, reading: undefined, last: undefined, failure: undefined }
      this.#bySocket.set(socket, connection)
    }
    return connection
  }
}

function finish(socket: Socket, answer: string): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  socket.end(answer, () => socket.destroy())
}

function rawAnswer(code: string | undefined): string {
  const status = code === 'HPE_HEADER_OVERFLOW' ? 431 : code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400
  const body = JSON.stringify({ error: STATUS_CODES[status] })
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`
  return `${head}\r\nConnection: close\r\n\r\n${body}`
}
