/** `bulkhead detect` and `bulkhead coarsen` as scripts use them: real processes, lines in and out, nothing running. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import test from 'node:test'
import { Ajv } from 'ajv'

const LAUNCHER = path.join(import.meta.dirname, '..', 'bin', 'bulkhead.mjs')

/** Runs a command in an empty folder; `input` goes in bit by bit. */
async function run(
  args: string[],
  input: Iterable<Buffer | string>,
): Promise<{ code: number; stdout: string; stderr: string; left: string[] }> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-lines-'))
  try {
    const child = spawn(process.execPath, [LAUNCHER, ...args], { cwd: folder, env: { PATH: process.env.PATH, HOME: folder } })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    // A command that refuses its options does not wait for lines.
    child.stdin.on('error', () => undefined)
    const closed = once(child, 'close') as Promise<[number]>
    for (const chunk of input) {
      if (!child.stdin.write(chunk)) await Promise.race([once(child.stdin, 'drain'), closed])
      else await turn()
    }
    child.stdin.end()
    const [code] = await closed
    return { code, stdout, stderr, left: readdirSync(folder) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

type Answer = { id: unknown; spans?: { start: number; end: number; kind: string }[]; coarse?: unknown; error?: { code: string } }

/** Each line follows the published schema of its command. */
function answersIn(stdout: string, schema: 'detect-line' | 'coarsen-line' = 'detect-line'): Answer[] {
  const file = new URL(`../docs/schemas/${schema}.schema.json`, import.meta.url)
  const validate = new Ajv({ strict: false }).compile(JSON.parse(readFileSync(file, 'utf8')))
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => {
      const answer = JSON.parse(line) as Answer
      assert.ok(validate(answer), `${line}: ${JSON.stringify(validate.errors)}`)
      return answer
    })
}

test('detect answers every line in order, cut anywhere, and goes on after broken ones', { timeout: 600_000 }, async () => {
  const asha = 'asha@verma.example'
  const lines = [
    JSON.stringify({ id: 1, text: `नमस्ते 😀 ${asha}` }),
    '{"id": 2, "text": ',
    '[]',
    JSON.stringify({ id: 'no text' }),
    JSON.stringify({ id: { any: ['id'] }, key: 'first_name', value: 'Asha' }),
    JSON.stringify({ text: 'nobody' }),
    '',
    JSON.stringify({ id: 7, key: 'cart', value: { note: [asha], [asha]: 1, total: 4012888888881881 } }),
    `{"id":8,"text":"${'x'.repeat(1 << 20)}"}`,
    JSON.stringify({ id: 9, text: 'last, without an end of line: 203.0.113.9' }),
  ]
  const bytes = Buffer.from(lines.join('\r\n'))
  // Cut within characters and lines.
  const chunks = [bytes.subarray(0, 31), bytes.subarray(31, 32), bytes.subarray(32, 200), bytes.subarray(200)]
  const { code, stdout, stderr, left } = await run(['detect', '--stdin', '--json'], chunks)
  assert.equal(code, 0, stderr)
  assert.equal(stderr, '')
  assert.deepEqual(left, [], 'it writes nothing')
  const answers = answersIn(stdout)
  assert.deepEqual(
    answers.map(({ id, error }) => [id, error?.code]),
    [
      [1, undefined],
      [null, 'line_invalid'],
      [null, 'line_invalid'],
      ['no text', 'line_invalid'],
      [{ any: ['id'] }, undefined],
      [null, undefined],
      [7, undefined],
      [null, 'line_invalid'],
      [9, undefined],
    ],
  )
  const start = 'नमस्ते 😀 '.length
  assert.deepEqual(answers[0]?.spans, [{ start, end: start + asha.length, kind: 'email', rule: 'email', confidence: 0.98 }])
  assert.deepEqual(
    answers[6]?.spans?.map(({ kind, ...span }) => [kind, 'path' in span && span.path, 'in' in span && span.in]),
    [
      ['email', 'note[0]', false],
      ['email', asha, 'key'],
      ['card', 'total', false],
    ],
  )
  assert.deepEqual(
    answers[4]?.spans?.map(({ kind }) => kind),
    ['name'],
  )
  assert.deepEqual(answers[5]?.spans, [])
  assert.ok(!stdout.includes('xxxx'), 'nothing of a refused line is repeated')
})

test('detect and coarsen refuse to run without --stdin; coarsen leaves nothing of the text that it was given', {
  timeout: 600_000,
}, async () => {
  const refused = await run(['detect', '--json'], [])
  assert.equal(refused.code, 2)
  assert.equal((JSON.parse(refused.stderr) as { error: { code: string } }).error.code, 'bad_usage')
  const lines = [
    { id: 1, kind: 'ua', value: 'Mozilla/5.0 (X11; Linux x86_64; asha) Gecko/20100101 Firefox/143.0' },
    { id: 2, kind: 'url', value: 'https://asha.example/users/asha-verma/orders/2024-11-08/4711?email=asha%40verma.example#asha' },
    { id: 3, kind: 'referrer', value: 'https://www.google.de/search?q=asha' },
    { id: 4, kind: 'ip', value: '[2001:4860:4860::8888]:443' },
    { id: 5, kind: 'ip', value: 'asha' },
    { id: 6, kind: 'shoe size', value: 'asha' },
    { id: 7, kind: 'url' },
  ]
  const { code, stdout, stderr } = await run(
    ['coarsen', '--stdin', '--json'],
    lines.map((line) => `${JSON.stringify(line)}\n`),
  )
  assert.equal(code, 0, stderr)
  assert.ok(!/asha/i.test(stdout), stdout)
  assert.deepEqual(
    answersIn(stdout, 'coarsen-line').map(({ coarse, error }) => coarse ?? error?.code),
    [
      { os: 'Linux', browser: 'Firefox', browserVersion: 143 },
      { path: '/users/{text}/orders/{date}/{number}' },
      { medium: 'search', domain: 'google.com' },
      { country: 'US' },
      {},
      'line_invalid',
      'line_invalid',
    ],
  )
})

test('detect ends in peace when nobody reads its answers any more', { timeout: 600_000 }, async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-lines-'))
  try {
    const child = spawn(process.execPath, [LAUNCHER, 'detect', '--stdin', '--json'], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder },
    })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.stdin.on('error', () => undefined)
    child.stdout.once('data', () => child.stdout.destroy())
    const closed = once(child, 'close') as Promise<[number]>
    // More than any pipe holds.
    child.stdin.end(`${JSON.stringify({ id: 1, text: 'asha@verma.example '.repeat(20) })}\n`.repeat(2000))
    const [code] = await closed
    assert.equal(stderr, '')
    assert.equal(code, 0)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
