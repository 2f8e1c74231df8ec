import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FIELDS, categoryOf } from '#model/field.ts'
import type { KnownField } from '#model/field.ts'
import type { JsonValue } from '#model/json.ts'
import type { RequestContext } from '#model/split-draft.ts'
import type { WireRecord, WireValue } from '#model/wire-record.ts'
import { compilePolicy } from '#policy/policy.ts'
import { createSplit } from './split.ts'

const NOW = 1_764_000_000_000
const APPROVED = ['plan', 'amount', 'cart', 'cart.total', 'cart.lines', 'cart.lines.count', 'tags', 'utm_source', 'country', 'seats']

const policy = compilePolicy({
  store: { events: ['Order placed'], properties: APPROVED, paths: ['pricing', '/orders/*'], referrers: ['blog.example'] },
  destinations: [],
})
const split = createSplit({
  policy,
  placeOf: () => ({ country: 'IN', region: 'Karnataka', city: 'Bengaluru' }),
  siteHosts: ['www.shop.test'],
})

function request(trust: 'browser' | 'server', userAgent: string): RequestContext {
  const source = { id: 's', protocol: 'p', token: 't', trust, namespace: 'default', surface: 'web', groupKeys: ['company'] }
  return { receivedAt: NOW, source, clientAddress: '203.0.113.9', userAgent, consent: {} }
}

describe('law 1', () => {
  let planted: string[] = []
  let serial = 0
  /** A text that occurs nowhere else; some in another script, some that look like what detectors know. */
  const marker = fc.nat().chain((seed) =>
    fc
      .constantFrom<(text: string) => string>(
        (text) => text,
        (text) => `${text}@verma.example`,
        (text) => `आशा ${text} वर्मा`,
        (text) => `https://x.example/${text}?t=${text}`,
        (text) => JSON.stringify({ inner: text }),
        (text) => `${text} ${'long '.repeat(60)}`,
        (text) => `“${text}”`,
      )
      .map((wrap) => {
        const text = `zq${(seed % 1296).toString(36)}q${(serial++).toString(36)}qz`
        planted.push(text)
        return wrap(text)
      }),
  )
  // The key says nothing of the value: free keys are planted, approved ones hold values that must not open.
  const nested: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: false },
      marker,
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 3 }),
      fc
        .array(fc.tuple(fc.oneof(marker, fc.constantFrom('total', 'lines', 'email', '__proto__')), tie('value')), { maxLength: 3 })
        .map((pairs) => Object.fromEntries(pairs) as JsonValue),
    ),
  })).value
  const unopened = fc.oneof(
    marker.map((text) => `${text}@verma.example`),
    fc.array(fc.dictionary(marker, marker, { minKeys: 1, maxKeys: 2 }), { minLength: 1, maxLength: 2 }),
    marker.map((text) => ({ total: 1, [text]: true })),
    marker.map((text) => `${text} +91 98765 43210`),
  )
  const fields = Object.keys(FIELDS) as KnownField[]
  const value: fc.Arbitrary<WireValue> = fc.oneof(
    fc.record({ field: fc.constant(undefined), key: marker, value: nested }),
    fc.record({ field: fc.constant(undefined), key: fc.constantFrom(...APPROVED), value: unopened }),
    fc.record({
      field: fc.constant(undefined),
      key: fc.constantFrom('email', 'name', 'User Phone', 'recipient_email', 'address', 'ip', 'company', 'note', '__proto__', 'toString'),
      value: nested,
    }),
    fc.record({
      field: fc.constantFrom(...fields),
      key: fc.oneof(marker, fc.constantFrom('$k', '$initial_k', '$current_k')),
      value: nested,
    }),
  )
  const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined })
  const record = fc
    .record({
      type: fc.constantFrom('event', 'identify', 'merge', 'profile', 'group'),
      token: fc.constant('t'),
      name: maybe(fc.oneof(marker, fc.constant('Order placed'))),
      time: maybe(fc.integer()),
      insertId: maybe(marker),
      user: maybe(marker),
      device: maybe(marker),
      linked: maybe(fc.array(fc.record({ role: fc.constantFrom('user', 'device'), value: marker }), { maxLength: 2 })),
      group: maybe(fc.record({ key: fc.oneof(marker, fc.constant('company')), value: marker })),
      op: maybe(fc.constantFrom('set', 'set_once', 'add', 'append', 'union', 'remove', 'unset', 'delete')),
      values: fc.array(value, { maxLength: 6 }),
    })
    .map((fuzzy) => {
      const wire = Object.fromEntries(Object.entries(fuzzy).filter(([, part]) => part !== undefined)) as unknown as WireRecord
      if (wire.type !== 'group') delete wire.group
      if (wire.type === 'group') {
        delete wire.user
        delete wire.device
        delete wire.linked
        delete wire.name
      }
      if (wire.type === 'profile') delete wire.name
      return wire
    })

  /** Markers in a record that are read into the coarse context or belong to the SDK's machinery: kept nowhere by design. */
  function droppedText(wire: WireRecord): string {
    const gone = wire.values.filter(
      ({ field }) =>
        field !== undefined &&
        (categoryOf(field) === 'technical' ||
          ['url', 'referrer', 'user_agent', 'os', 'browser', 'browser_version', 'screen'].includes(field)),
    )
    // A key with a meaning is wire spelling; the fact keeps the meaning instead.
    const spellings = wire.values.filter(({ field }) => field !== undefined).map(({ key }) => key)
    return JSON.stringify([gone, spellings])
  }

  it('no planted text stands in the records, and none is lost', () => {
    fc.assert(
      fc.property(
        fc.array(record, { minLength: 1, maxLength: 4 }),
        fc.constantFrom('browser' as const, 'server' as const),
        marker,
        (wires, trust, userAgent) => {
          const draft = split(wires, request(trust, userAgent))
          const stored = JSON.stringify(draft.records)
          const sealed = JSON.stringify([draft.identifiers, draft.facts, draft.waiting, draft.insertIds])
          const sent = JSON.stringify(wires)
          const dropped = wires.map(droppedText).join('')
          for (const text of planted) {
            assert.ok(!stored.includes(text), `${text} stands open in ${stored}`)
            if (
              sent.includes(text) &&
              !dropped.includes(text) &&
              draft.records.every(({ destroyedCount }) => destroyedCount === undefined)
            ) {
              assert.ok(
                sealed.includes(text),
                `${text} is lost: ${wires.map((wire) => JSON.stringify(wire)).filter((wire) => wire.includes(text))} => ${sealed}`,
              )
            }
          }
          assert.equal(draft.records.length, wires.length)
          assert.equal(draft.insertIds.length, wires.length)
          if (trust === 'browser') assert.ok(draft.edges.every(({ kind }) => kind === 'device'))
          for (const index of [...draft.facts.map(({ identifier }) => identifier), ...draft.edges.flatMap(({ from, to }) => [from, to])])
            assert.ok(draft.identifiers[index] !== undefined)
          planted = []
        },
      ),
      { numRuns: 1500, endOnFailure: true },
    )
  })
})
