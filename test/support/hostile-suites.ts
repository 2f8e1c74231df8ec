/**
 * Hostile input that others have collected, read from the folder that BULKHEAD_TESTDATA names (default: `shared/testdata`
 * beside the checkout), and a few cases of our own in the same forms, so that something of each kind runs everywhere.
 */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'

const root = path.join(import.meta.dirname, '..', '..')
export const SUITES_FOLDER = process.env.BULKHEAD_TESTDATA ?? path.join(root, '..', 'shared', 'testdata')

export interface HostileSuites {
  /** JSON texts, whole or broken; `isJson` says what a parser must say, where it must. */
  json: { name: string; bytes: Buffer; isJson: boolean | undefined }[]
  /** Requests below the level of HTTP; `requests`: how many of them a parser may see at most. */
  http: { name: string; bytes: Buffer; requests: number }[]
  strings: string[]
  /** JSON texts that would change the prototype of something. */
  prototypes: string[]
  /** Paths that would put a line of their own into an answer. */
  paths: string[]
}

export const OWN: HostileSuites = {
  json: [
    ['open array', '[1', false],
    ['two values', '{}{}', false],
    ['trailing comma', '[1,]', false],
    ['single quotes', "{'a':1}", false],
    ['byte order mark', '\uFEFF{}', undefined],
    ['lone surrogate', '["\\ud800"]', undefined],
    ['huge exponent', '[1e9999]', undefined],
    ['NaN', '[NaN]', false],
    ['same key twice', '{"a":1,"a":2}', true],
    ['nul in text', '["\\u0000"]', true],
    ['deep', '['.repeat(50_000), false],
  ].map(([name, text, isJson]) => ({ name: name as string, bytes: Buffer.from(text as string), isJson: isJson as boolean | undefined })),
  http: [
    [
      'length and chunks',
      'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /y HTTP/1.1\r\n\r\n',
      2,
    ],
    ['two lengths', 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab', 1],
    ['length with a sign', 'POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc', 1],
    ['space before the colon', 'GET /x HTTP/1.1\r\nHost : h\r\n\r\n', 1],
    ['folded header', 'GET /x HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n', 1],
    ['chunked twice', 'POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n', 1],
    ['chunk size with junk', 'POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1;\nx\r\n0\r\n\r\n', 1],
    ['unknown coding', 'POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: cow\r\n\r\nmoo', 1],
    ['version 9', 'GET /x HTTP/9.9\r\n\r\n', 1],
    ['three at once', 'GET /x HTTP/1.1\r\nHost: h\r\n\r\n'.repeat(3), 3],
  ].map(([name, text, requests]) => ({ name: name as string, bytes: Buffer.from(text as string, 'latin1'), requests: requests as number })),
  strings: [
    '',
    'undefined',
    '0',
    '$device:',
    '\u202etest',
    '田中',
    '<script>alert(1)</script>',
    "1'; DROP TABLE events--",
    '\u0000',
    '\ud800',
    'a'.repeat(3000),
  ],
  prototypes: ['{"__proto__":{"x":7}}', '{"constructor":{"prototype":{"x":7}}}', '{"\\u005f_proto__":{"x":7}}', '{"a":{"__proto__":[]}}'],
  paths: ['/%0d%0aSet-Cookie:crlf=injection', '/%E5%98%8A%E5%98%8DSet-Cookie:crlf=injection', '/%u000aSet-Cookie:crlf=injection'],
}

/** The collected ones; undefined where the folder is absent. */
export function readSuites(): HostileSuites | undefined {
  if (!existsSync(SUITES_FOLDER)) return undefined
  const lines = (file: string): Record<string, unknown>[] =>
    text(file)
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  const text = (file: string): string => readFileSync(path.join(SUITES_FOLDER, file), 'utf8')
  return {
    json: lines('json-nst/cases.jsonl').map(({ name, expect, b64 }) => ({
      name: String(name),
      bytes: Buffer.from(String(b64), 'base64'),
      isJson: expect === 'accept' ? true : expect === 'reject' ? false : undefined,
    })),
    http: lines('http1-llhttp/cases.jsonl')
      .filter(({ meta }) => String((meta as { type: string }).type).startsWith('request'))
      .map(({ file, title, http, log }) => ({
        name: `${String(file)}: ${String(title)}`,
        bytes: wireOf(String(http)),
        // What is not whole, or broken, is answered as well.
        requests: (String(log).match(/message complete/g) ?? []).length + 1,
      })),
    strings: JSON.parse(text('strings-blns/blns.json')) as string[],
    prototypes: lines('proto-pollution/payloads.jsonl').map(({ json, payload }) => String(json ?? payload)),
    paths: text('http-crlf/crlfinjection.txt').split('\n').filter(Boolean),
  }
}

/** The cases stand in Markdown: line ends and escapes are put back as their README says. */
function wireOf(written: string): Buffer {
  const joined = written.replace(/\n$/, '').replaceAll('\\\n', '').replaceAll('\n', '\r\n')
  const bytes = joined.replace(/\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|[rntf])/g, (_, code: string) => {
    const plain = { r: '\r', n: '\n', t: '\t', f: '\f' }[code]
    return plain ?? String.fromCharCode(code.startsWith('x') ? Number.parseInt(code.slice(1), 16) : Number.parseInt(code, 8))
  })
  return Buffer.from(bytes, 'latin1')
}
