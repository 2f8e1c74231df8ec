import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { mixpanel } from './mixpanel.ts'
import { decodeJson, eventOf, onlyRecord, requestTo } from './testing.ts'

const { decode, accepted } = mixpanel.ingest

const anyEvents = fc
  .array(
    fc.record({
      event: fc.string({ minLength: 1, unit: 'binary' }).filter((name) => !name.includes('\uFFFD') && name.isWellFormed()),
      properties: fc
        .dictionary(fc.string({ unit: 'grapheme' }), fc.oneof(fc.string({ unit: 'grapheme' }), fc.double({ noNaN: true }), fc.boolean()))
        .map((properties) => ({ ...properties, token: 'tk', distinct_id: 'p-1' })),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .filter((events) => !JSON.stringify(events).includes('\\uFFFD') && !JSON.stringify(events).includes('\uFFFD'))

test('every way in which an SDK wraps the same records decodes to the same records', () => {
  fc.assert(
    fc.property(anyEvents, (events) => {
      const json = JSON.stringify(events)
      const base64 = Buffer.from(json).toString('base64')
      const urlSafe = Buffer.from(json).toString('base64url')
      const formJson = new URLSearchParams({ data: json, verbose: '1', ip: '0' }).toString()
      const bodies: Record<string, string> = {
        json,
        lines: events.map((each) => JSON.stringify(each)).join('\n'),
        formBase64: `data=${encodeURIComponent(base64)}`,
        rawBase64: `data=${base64}`,
        spacedBase64: `data=${base64.replaceAll('+', '%20')}`,
        urlSafe: `data=${urlSafe}&_=17`,
        formJson,
        rawJson: `data=${encodeURIComponent(json)}`,
      }
      const expected = decode(requestTo('/track/', json)).records
      assert.equal(expected.length, events.length)
      for (const [form, body] of Object.entries(bodies)) {
        assert.deepEqual(decode(requestTo('/track', body)).records, expected, form)
        assert.deepEqual(decode(requestTo('/track', gzipSync(body))).records, expected, `gzip ${form}`)
      }
      for (const data of [json, base64, urlSafe]) {
        const query = new URLSearchParams({ data })
        assert.deepEqual(decode(requestTo(`/track?${query}`)).records, expected)
      }
      assert.equal(decode(requestTo('/track', formJson)).flags['verbose'], '1')
    }),
    { numRuns: 200 },
  )
})

test('any bytes and any JSON are answered, never thrown at', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('/track', '/engage?strict=1', '/groups', '/import?strict=1'),
      fc.uint8Array(),
      fc.jsonValue(),
      (target, bytes, value) => {
        for (const body of [
          Buffer.from(bytes),
          `data=${Buffer.from(bytes).toString('latin1')}`,
          JSON.stringify(value),
          `data=${JSON.stringify(value)}`,
        ]) {
          const request = requestTo(target, body)
          const decoded = decode(request)
          assert.notEqual(decoded.refusal, 'internal')
          assert.ok(accepted(request, decoded).status < 500)
          for (const record of decoded.records) assert.equal(typeof record.token, 'string')
        }
      },
    ),
    { numRuns: 300 },
  )
})

test('hostile payloads are refused or faulted one by one', () => {
  const good = eventOf({ distinct_id: 'p' })
  assert.equal(decode(requestTo('/track', '['.repeat(400_000) + ']'.repeat(400_000))).records.length, 0)
  const [opening, closing] = ['{"a":'.repeat(100_000), '}'.repeat(100_000)]
  const deep = `{"event":"e","properties":{"token":"tk","deep":${opening}1${closing}}}`
  const mixed = decode(requestTo('/track', `[${JSON.stringify(good)},${deep},${JSON.stringify(good)}]`))
  assert.deepEqual([mixed.records.length, mixed.faults.map((fault) => fault.index)], [2, [1]])

  assert.equal(decode(requestTo('/track', Buffer.from([...Buffer.from('[{"event":"a'), 0xff, ...Buffer.from('"}]')]))).refusal, 'bad_json')
  const broken = Buffer.concat([Buffer.from('[{"event":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}]')])
  for (const text of [broken.toString('base64'), `%7B%22event%22%3A%22%C3%28%22%7D`]) {
    assert.equal(decode(requestTo('/track', `data=${text}`)).refusal, 'bad_json')
  }
  assert.equal(decode(requestTo('/track', gzipSync('[]').subarray(0, 12))).refusal, 'bad_encoding')
  assert.equal(decodeJson('/track', []).refusal, 'no_data')
  assert.equal(decode(requestTo('/track', 'verbose=1')).refusal, 'no_data')
  assert.equal(
    decodeJson(
      '/track',
      Array.from({ length: 2001 }, () => good),
    ).refusal,
    'too_many',
  )
  assert.equal(decode(requestTo('/track', `${JSON.stringify(good)}\n{"event":`)).refusal, 'bad_json')

  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`k${index}`, index]))
  assert.deepEqual(
    decodeJson('/track', [eventOf(many), good]).faults.map((fault) => fault.field),
    ['properties'],
  )
  const large = eventOf({ text: 'x'.repeat(1_100_000) })
  assert.deepEqual(
    decodeJson('/track', [large, good]).faults.map((fault) => fault.index),
    [0],
  )

  const polluted = onlyRecord(
    decode(requestTo('/track', '{"event":"e","properties":{"token":"t","__proto__":{"admin":true},"constructor":1}}')),
  )
  assert.deepEqual(
    polluted.values.map((value) => value.key),
    ['__proto__', 'constructor'],
  )
  assert.equal(({} as Record<string, unknown>)['admin'], undefined)
})

test('a number that JSON can say and a double cannot is no value', () => {
  const record = onlyRecord(
    decode(requestTo('/track', '{"event":"e","properties":{"token":"t","time":1e999,"distinct_id":1e999,"n":-1e999}}')),
  )
  assert.deepEqual([record.time, record.user, record.values], [undefined, undefined, [{ field: undefined, key: 'n', value: null }]])
})

test('an id that a double cannot hold stays whole', () => {
  const ids = ['90071992547409931', '90071992547409932'].map(
    (id) => onlyRecord(decode(requestTo('/track', `{"event":"e","properties":{"token":"t","distinct_id":${id}}}`))).user,
  )
  assert.deepEqual(ids, ['90071992547409931', '90071992547409932'])
})

test('a whole number that a double cannot hold stays text, wherever it stands and whatever stands around it', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 0, max: 40 }),
      fc.stringMatching(/^[1-9 .a-]{0,40}$/),
      fc.boolean(),
      (digits, before, after, isNegative) => {
        const number = `${isNegative ? '-' : ''}${'9'.repeat(digits)}`
        const json = `[{"event":"a","properties":{"p":"${'x'.repeat(before)}","token":"tk","n":${number},"q":"${after}"}}]`
        const value = onlyRecord(decode(requestTo('/track', json))).values.find(({ key }) => key === 'n')?.value
        assert.equal(value, Number.isSafeInteger(Number(number)) ? Number(number) : number)
      },
    ),
  )
})
