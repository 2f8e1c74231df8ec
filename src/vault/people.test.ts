import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { deviceIntervals } from './people.ts'
import { device, LOOK, user, windowOf, withVault } from './testing.ts'

const END = Number.MAX_SAFE_INTEGER

test('a device counts for a person from the sign-in to the next other person', () => {
  assert.deepEqual(
    deviceIntervals(9, [
      { person: 1, at: 10 },
      { person: 1, at: 20 },
      { person: 2, at: 30 },
      { person: 1, at: 40 },
    ]),
    [
      { device: 9, person: 1, from: 10, to: 30 },
      { device: 9, person: 2, from: 30, to: 40 },
      { device: 9, person: 1, from: 40, to: END },
    ],
  )
  // Of two sign-ins at one instant the later said counts, and an interval of no length is none.
  assert.deepEqual(
    deviceIntervals(9, [
      { person: 1, at: 10 },
      { person: 2, at: 20 },
      { person: 1, at: 20 },
    ]),
    [{ device: 9, person: 1, from: 10, to: END }],
  )
})

test('intervals say of every instant what a walk over the sign-ins says', () => {
  const signIns = fc.array(fc.record({ person: fc.integer({ min: 1, max: 3 }), at: fc.integer({ min: 0, max: 12 }) }), { maxLength: 12 })
  fc.assert(
    fc.property(signIns, (given) => {
      const sorted = given.map((signIn, order) => ({ ...signIn, order })).sort((a, b) => a.at - b.at || a.order - b.order)
      const intervals = deviceIntervals(1, sorted)
      for (let at = 0; at <= 14; at += 1) {
        const holder = intervals.filter(({ from, to }) => from <= at && at < to).map(({ person }) => person)
        const last = sorted.filter((signIn) => signIn.at <= at).at(-1)
        assert.deepEqual(holder, last === undefined ? [] : [last.person])
      }
    }),
  )
})

test('a graph of random edges agrees with the search from each identifier, and with a naive closure', async () => {
  const edge = fc.record({
    kind: fc.constantFrom('device' as const, 'merge' as const),
    from: fc.integer({ min: 0, max: 9 }),
    to: fc.integer({ min: 0, max: 9 }),
    at: fc.integer({ min: 1, max: 50 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(edge, { maxLength: 14 }), async (edges) => {
      await withVault(async (vault) => {
        // 0..5 are users, 6..9 devices; a device edge goes from a device to a user.
        const identifiers = Array.from({ length: 10 }, (_, n) => (n < 6 ? user(`u${n}`) : device(`d${n}`)))
        const used = edges.map((e) =>
          e.kind === 'device' ? { ...e, from: 6 + (e.from % 4), to: e.to % 6 } : { ...e, from: e.from % 6, to: e.to % 6 },
        )
        const { ordinals } = await vault.commitWindow(
          windowOf({ identifiers, edges: used.map((e) => ({ ...e, from: -e.from - 1, to: -e.to - 1, trust: 'server' })) }),
        )
        const graph = await vault.graph()
        const personOf = new Map(graph.merged)
        const parts = ordinals.map((ordinal) => new Set([ordinal]))
        for (let round = 0; round < 10; round += 1) {
          for (const { kind, from, to } of used) {
            if (kind !== 'merge') continue
            const joined = new Set([...(parts[from] as Set<number>), ...(parts[to] as Set<number>)])
            for (const member of joined) parts[ordinals.indexOf(member)] = joined
          }
        }
        ordinals.forEach((ordinal, n) => assert.equal(personOf.get(ordinal) ?? ordinal, Math.min(...(parts[n] as Set<number>))))
        for (let n = 0; n < 6; n += 1) {
          const person = personOf.get(ordinals[n] as number) ?? ordinals[n]
          const [found, ...rest] = await vault.resolve(`u${n}`, LOOK)
          assert.deepEqual(rest, [])
          assert.equal(found?.person, person)
          assert.deepEqual(
            found?.users,
            [...(parts[n] as Set<number>)].sort((a, b) => a - b),
          )
          assert.deepEqual(
            found?.devices,
            graph.devices.filter((interval) => interval.person === person),
          )
        }
      })
    }),
    { numRuns: 12 },
  )
})

test('claims of a public token never stand before the person whose id or address it is', async () => {
  await withVault(async (vault) => {
    const claimants = Array.from({ length: 5 }, (_, n) => user(`claimant${n}`))
    const claim = (of: number, field: string, value: string, trust: 'browser' | 'server' | 'directory') => ({
      of,
      field,
      value,
      once: false,
      trust,
      at: 1,
    })
    const { ordinals } = await vault.commitWindow(
      windowOf({
        identifiers: [...claimants, user('anna'), user('at-server')],
        facts: [
          ...claimants.map((_, n) => claim(-n - 1, 'email', 'anna@example.com', 'browser')),
          claim(-7, 'email', 'anna@example.com', 'server'),
          claim(-6, 'email', 'anna@example.com', 'directory'),
          claim(-5, 'email', 'anna', 'browser'),
        ],
        // Her user id in the place of a device.
        edges: claimants.map((_, n) => ({ kind: 'device', from: -6, to: -n - 1, trust: 'browser', at: n })),
      }),
    )
    const [anna, atServer] = ordinals.slice(5)
    const named = async (query: string): Promise<number[]> => (await vault.resolve(query, LOOK)).map(({ person }) => person)
    assert.equal((await named('anna'))[0], anna)
    assert.deepEqual((await named('Anna@example.com')).slice(0, 2), [anna, atServer])
    assert.equal((await named('anna')).length, 6)
  })
})

test('a shared device names everybody who signed in on it; an email said on it names who had it then', async () => {
  await withVault(async (vault) => {
    const { ordinals } = await vault.commitWindow(
      windowOf({
        identifiers: [user('anna'), user('ben'), device('tablet'), device('lonely')],
        edges: [
          { kind: 'device', from: -3, to: -2, trust: 'browser', at: 200 },
          { kind: 'device', from: -3, to: -1, trust: 'browser', at: 100 },
        ],
        facts: [{ of: -3, field: 'email', value: 'Ben@Example.com', once: false, trust: 'browser', at: 250 }],
      }),
    )
    const [anna, ben, tablet, lonely] = ordinals as [number, number, number, number]
    assert.deepEqual(await vault.graph(), {
      merged: [],
      devices: [
        { device: tablet, person: anna, from: 100, to: 200 },
        { device: tablet, person: ben, from: 200, to: END },
      ],
    })
    assert.deepEqual(
      (await vault.resolve('tablet', LOOK)).map(({ person }) => person),
      [anna, ben],
    )
    assert.deepEqual(
      (await vault.resolve(' ben@example.COM', LOOK)).map(({ person }) => person),
      [ben],
    )
    assert.deepEqual(await vault.resolve('lonely', LOOK), [
      { person: lonely, users: [lonely], devices: [{ device: lonely, person: lonely, from: 0, to: END }] },
    ])
  })
})

test('whatever joins people shows at once, the lowest user is the person, and nobody is joined to themselves', async () => {
  await withVault(async (vault) => {
    const { ordinals } = await vault.commitWindow(
      windowOf({
        identifiers: [device('tablet'), user('anna'), user('ann')],
        edges: [
          { kind: 'device', from: -1, to: -1, trust: 'server', at: 1 },
          { kind: 'merge', from: -2, to: -2, trust: 'server', at: 1 },
        ],
      }),
    )
    const [tablet, anna, ann] = ordinals as [number, number, number]
    assert.deepEqual(await vault.graph(), { merged: [], devices: [] })
    const personOf = async (id: string): Promise<number[]> => (await vault.resolve(id, LOOK)).map(({ person }) => person)
    const merge = (from: number, to: number) =>
      vault.commitWindow(windowOf({ edges: [{ kind: 'merge', from, to, trust: 'server', at: 2 }] }))
    await merge(tablet, ann)
    assert.deepEqual([(await vault.graph()).merged, await personOf('ann')], [[[tablet, ann]], [ann]])
    await merge(ann, anna)
    const joined = [
      [tablet, anna],
      [ann, anna],
    ]
    assert.deepEqual([(await vault.graph()).merged, await personOf('ann')], [joined, [anna]])
    // Seen as a user it is one, and its number is the lowest.
    await vault.commitWindow(windowOf({ identifiers: [user('tablet')] }))
    const lowest = [
      [anna, tablet],
      [ann, tablet],
    ]
    assert.deepEqual([(await vault.graph()).merged, await personOf('anna')], [lowest, [tablet]])
    assert.deepEqual((await vault.resolve('tablet', LOOK))[0]?.devices, [])
  })
})

test('at the instant of a sign-in a device is the next one’s already; before the first it may be anybody’s who was ever there', async () => {
  for (const [at, whose] of [
    [99, [0, 1]],
    [100, [0]],
    [199, [0]],
    [200, [1]],
  ] as const) {
    await withVault(async (vault) => {
      const { ordinals } = await vault.commitWindow(
        windowOf({
          identifiers: [user('anna'), user('ben'), device('tablet')],
          edges: [
            { kind: 'device', from: -3, to: -1, trust: 'browser', at: 100 },
            { kind: 'device', from: -3, to: -2, trust: 'browser', at: 200 },
          ],
          facts: [{ of: -3, field: 'email', value: 'said@example.com', once: false, trust: 'browser', at }],
        }),
      )
      const found = (await vault.resolve('said@example.com', LOOK)).map(({ person }) => person)
      assert.deepEqual(found.sort(), whose.map((index) => ordinals[index]).sort(), `${at}`)
    })
  }
})
