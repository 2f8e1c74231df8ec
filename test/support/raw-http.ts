/** Bytes on a socket of their own, and what came back taken apart as strictly as a client that trusts nobody would. */
import net from 'node:net'

/** No byte for so long: there is no more to come. */
const QUIET_MS = 700
const PATIENCE_MS = 120_000

export interface RawAnswer {
  status: number
  head: string
  body: string
}

/** Everything that came until the peer closed, or until it was quiet for a while. `hung`: neither within the patience. */
export function exchangeBytes(port: number, bytes: Uint8Array): Promise<{ text: string; hung: boolean }> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1')
    let text = ''
    let quiet: NodeJS.Timeout | undefined
    const finish = (hung: boolean): void => {
      clearTimeout(quiet)
      clearTimeout(patience)
      socket.destroy()
      resolve({ text, hung })
    }
    const patience = setTimeout(() => finish(true), PATIENCE_MS)
    socket.setEncoding('latin1')
    socket.on('data', (part: string) => {
      text += part
      clearTimeout(quiet)
      quiet = setTimeout(() => finish(false), QUIET_MS)
    })
    socket.on('error', () => undefined)
    socket.on('close', () => finish(false))
    socket.on('connect', () => socket.write(bytes))
  })
}

/** The answers in a stream of bytes; undefined when it is anything else than whole answers, one behind the other. */
export function readAnswers(text: string): RawAnswer[] | undefined {
  const answers: RawAnswer[] = []
  let at = 0
  while (at < text.length) {
    const end = text.indexOf('\r\n\r\n', at)
    const head = text.slice(at, end)
    const line = /^HTTP\/1\.1 (\d{3}) [A-Za-z -]*\r?\n?/.exec(head)
    if (end < 0 || line === null || /[^\t\r\n\x20-\x7e]/.test(head)) return undefined
    const status = Number(line[1])
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
    at = end + 4
    // Node's own answer to a request without a host is chunked, and empty.
    if (/\r\ntransfer-encoding: chunked/i.test(head)) {
      if (!text.startsWith('0\r\n\r\n', at)) return undefined
      at += 5
      answers.push({ status, head, body: '' })
      continue
    }
    // Interim answers are none, and an answer to HEAD has no body however long it says it is.
    const hasBody = status >= 200 && status !== 204 && !/^HTTP\/1\.1 |^$/.test(text.slice(at, at + 9))
    const body = hasBody ? text.slice(at, at + length) : ''
    if (hasBody && body.length < length) return undefined
    at += body.length
    if (status >= 200) answers.push({ status, head, body })
  }
  return answers
}

/** Runs over a list with a few at a time. */
export async function eachOf<Item>(items: readonly Item[], lanes: number, work: (item: Item) => Promise<void>): Promise<void> {
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < items.length) await work(items[next++] as Item)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}
