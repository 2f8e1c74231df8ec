/** Law 2 for what names somebody: in the clear only what two agreed to, for a time, for that recipient, where the record brought it. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ClearField } from '#model/field.ts'
import type { LogRecord } from '#model/log-entry.ts'
import type { DestinationPolicy, Grant, Policy } from '#model/policy.ts'
import type { Recipient } from '#model/recipient.ts'
import { compilePolicy, decide } from './policy.ts'

const NOW = 1_764_000_000_000
const UNTIL = NOW + 1000
const MAIN: Recipient = { address: 'https://api.vendor.example', project: 'a'.repeat(32) }
const OTHER: Recipient = { ...MAIN, project: 'b'.repeat(32) }
const AGREED = { id: 1, proposedBy: 'ann', approvedBy: 'bob', recipient: MAIN }

function grant(field: Grant['field'], form: Grant['form'], change: Partial<Grant> = {}): Grant {
  return { field, form, purpose: 'p', until: null, rule: `${form} ${field}`, ...change }
}

const clear = (field: ClearField, change: Partial<Grant> = {}): Grant =>
  grant(field, 'clear', { until: UNTIL, approval: AGREED, ...change })
const BASE = [grant('event', 'clear'), grant('time', 'coarse'), grant('device_id', 'pseudonym'), grant('group_id', 'pseudonym')]

function destinationOf(grants: Grant[], change: Partial<DestinationPolicy> = {}) {
  const own = { vendor: 'v', destination: 'd', protocol: 'p', recipient: MAIN, events: ['a'], properties: ['x'], grants }
  const policy: Policy = { store: { events: [], properties: [], paths: [], referrers: [] }, destinations: [{ ...own, ...change }] }
  return compilePolicy(policy).destinations.get('d') ?? assert.fail()
}

const event = (change: Partial<LogRecord> = {}): LogRecord => ({
  type: 'event',
  name: 'a',
  time: NOW,
  user: 1,
  withheld: ['email'],
  ...change,
})

function leaves(grants: Grant[], record: LogRecord, at = NOW): string {
  const decision = decide(record, destinationOf([...BASE, ...grants]), at)
  return decision.kind === 'drop' ? decision.reason : decision.clear.join()
}

describe('a grant in the clear', () => {
  const { recipient: _, ...unbound } = AGREED
  const refused: [what: string, grant: Grant][] = [
    ['nobody has approved', grant('email', 'clear', { until: UNTIL })],
    ['without an end', clear('email', { until: null })],
    ['approved by who proposed it', clear('email', { approval: { ...AGREED, approvedBy: 'ann' } })],
    ['agreed to for another recipient', clear('email', { approval: { ...AGREED, recipient: OTHER } })],
    ['agreed to for nobody in particular', clear('email', { approval: unbound })],
    ['whose time is over', clear('email', { until: NOW })],
  ]
  for (const [what, given] of refused) {
    it(`that is one ${what} lets nothing through`, () => assert.equal(leaves([given], event()), ''))
    // A second wall: what is not agreed to is none of what is asked of the vault at all, but for its time.
    if (what !== 'whose time is over')
      it(`that is one ${what} is none of the destination's`, () => assert.deepEqual(destinationOf([given]).clear, []))
  }

  it('counts when two agreed to it for this recipient, up to its end', () => {
    assert.equal(leaves([clear('email')], event()), 'email')
    assert.equal(leaves([clear('email')], event(), UNTIL - 1), 'email')
    assert.equal(leaves([clear('email')], event(), UNTIL), '')
    const early = [clear('email', { approval: unbound })]
    const { recipient: _recipient, ...before } = { recipient: MAIN, vendor: 'v' }
    assert.deepEqual(destinationOf(early, { ...before, recipient: undefined as never }).clear, ['email'], 'of before there were recipients')
  })

  it('of an identifier makes no pseudonym leave when nobody has agreed, and another grant of it goes on', () => {
    const unapproved = grant('user_id', 'clear', { until: UNTIL })
    const decided = (grants: Grant[]) => decide(event(), destinationOf([...BASE, ...grants]), NOW)
    const alone = decided([unapproved])
    assert.ok(alone.kind === 'send' && !alone.user)
    const both = decided([unapproved, grant('user_id', 'pseudonym')])
    assert.ok(both.kind === 'send' && both.user)
    assert.deepEqual(both.fields.find(({ field }) => field === 'user_id')?.rule, 'pseudonym user_id')
  })

  it('counts only where it is the first of its field', () => {
    const grants = [grant('user_id', 'pseudonym'), clear('user_id')]
    assert.equal(leaves(grants, event()), '')
    assert.equal(leaves(grants.toReversed(), event()), 'user_id')
  })
})

describe('what leaves in the clear', () => {
  const email = [clear('email')]

  it('is what the record brought of somebody it names', () => {
    assert.equal(leaves(email, event({ withheld: ['name'] })), '')
    assert.equal(leaves(email, event({ withheld: undefined as never })), '')
    const { user: _, ...nobody } = event()
    assert.equal(leaves(email, nobody), '')
    assert.equal(leaves(email, { ...nobody, device: 2 }), 'email')
  })

  it('is a state: set, and never added to', () => {
    const profile = (op: LogRecord['op']): LogRecord => ({ type: 'profile', op, time: NOW, device: 1, withheld: ['email'] }) as LogRecord
    for (const op of ['set', 'set_once'] as const) assert.equal(leaves(email, profile(op)), 'email', op)
    for (const op of ['add', 'append', 'union', 'remove', 'unset'] as const) assert.equal(leaves(email, profile(op)), 'nothing_granted', op)
    const identify: LogRecord = { type: 'identify', time: NOW, user: 1, device: 2, withheld: ['email'] }
    assert.equal(leaves([...email, grant('user_id', 'pseudonym')], identify), '')
  })

  it('of a group is its id, where the record is about the group, and never what is a person’s', () => {
    const groups = [{ key: 'company', ordinal: 3 }]
    const grants = [...email, clear('group_id')].toReversed()
    const ofGroup: LogRecord = { type: 'group', op: 'set', time: NOW, groups, withheld: ['email'] }
    const decide2 = (record: LogRecord): string => {
      const without = BASE.filter(({ field }) => field !== 'group_id')
      const decision = decide(record, destinationOf([...without, ...grants]), NOW)
      return decision.kind === 'drop' ? decision.reason : decision.clear.join()
    }
    assert.equal(decide2(ofGroup), 'group_id')
    assert.equal(decide2(event({ groups })), 'email')
  })

  it('says when it must not leave any more, and what of it is a pseudonym only', () => {
    const grants = [...BASE, clear('email', { until: UNTIL + 5 }), clear('name'), clear('user_id', { until: UNTIL + 9 })]
    const destination = destinationOf(grants)
    const both = decide(event({ withheld: ['email', 'name'] }), destination, NOW)
    assert.ok(both.kind === 'send')
    assert.deepEqual([both.clear, both.clearUntil], [['email', 'name', 'user_id'], UNTIL])
    assert.equal(both.shape, 'email:clear,event:clear,name:clear,time:coarse,user_id:clear')
    const none = decide(
      { type: 'profile', op: 'add', time: NOW, user: 1, properties: { x: 1 } },
      destinationOf([...grants, grant('property.*', 'clear')]),
      NOW,
    )
    assert.ok(none.kind === 'send')
    assert.deepEqual([none.clear, none.clearUntil], [[], Number.MAX_SAFE_INTEGER])
    assert.equal(none.shape, 'property.x:clear,time:coarse,user_id:pseudonym')
  })

  it('is never the coarse place in a city’s stead', () => {
    const inPune = event({ context: { city: 'Pune' }, withheld: [] })
    const coarse = decide(inPune, destinationOf([...BASE, grant('city', 'coarse')]), NOW)
    assert.ok(coarse.kind === 'send' && coarse.outgoing.length === 1)
    const granted = decide(inPune, destinationOf([...BASE, clear('city')]), NOW)
    assert.ok(granted.kind === 'send')
    assert.deepEqual([granted.outgoing, granted.clear, granted.shape], [[], [], 'event:clear,time:coarse'])
  })
})

describe('a policy from the records', () => {
  it('is compared by names as text, in whatever form they were written, and one key is never a name', () => {
    const decided = decide(
      { ...event({ withheld: [] }), name: 'Caf\u00e9', properties: JSON.parse('{"\u00fc":1,"__proto__":2}') as Record<string, number> },
      destinationOf([...BASE, grant('property.*', 'clear')], { events: ['Cafe\u0301'], properties: ['u\u0308', '__proto__'] }),
      NOW,
    )
    assert.ok(decided.kind === 'send')
    assert.deepEqual(decided.outgoing, [{ field: 'property.\u00fc', form: 'clear' }])
  })

  it('counts the first grant of each field that has not run out, in whatever order they end', () => {
    const grants = [
      ...BASE,
      grant('property.*', 'clear', { until: NOW + 30, rule: 'every 30' }),
      grant('property.x', 'clear', { until: NOW + 10, rule: 'x 10' }),
      grant('property.x', 'coarse', { until: NOW + 20, rule: 'x 20' }),
      grant('property.*', 'coarse', { rule: 'every' }),
    ]
    const destination = destinationOf(grants)
    const ruleAt = (at: number): string | undefined => {
      const decided = decide(event({ properties: { x: 7 } }), destination, at)
      return decided.kind === 'send' ? decided.fields.find(({ field }) => field === 'property.x')?.rule : undefined
    }
    const instants = [0, 9, 10, 19, 20, 29, 30, 15, 5, 25]
    const rules = ['x 10', 'x 10', 'x 20', 'x 20', 'every 30', 'every 30', 'every', 'x 20', 'x 10', 'every 30']
    assert.deepEqual(
      instants.map((at) => ruleAt(NOW + at)),
      rules,
    )
  })

  it('brings rules of consent with the table that they need', () => {
    const consent = { purpose: 'p', basis: 'by-country' as const, gpc: 'ignored' as const, dnt: 'ignored' as const, reason: '' }
    assert.throws(() => destinationOf(BASE, { consent: [consent] }), /rules of consent come with their table/)
  })
})

describe('the rest of a record', () => {
  const all = [...BASE, grant('user_id', 'pseudonym'), grant('screen', 'coarse')]
  const decided = (record: LogRecord) => decide(record, destinationOf(all), NOW)

  it('that is kept without its person goes to nobody, whatever is granted', () => {
    for (const why of ['denied', 'missing'] as const)
      assert.deepEqual(decided({ type: 'event', name: 'a', time: NOW, consent: { withoutPerson: why } }), {
        kind: 'drop',
        reason: `consent_${why}`,
      })
  })

  it('takes no group along that nobody bears, links nobody but in identity calls, and tells a screen by both sides', () => {
    const groups = [{ key: 'company', ordinal: 3 }]
    const linked = [{ role: 'user' as const, ordinal: 4 }]
    const nobody = decided({ type: 'event', name: 'a', time: NOW, groups, context: { screenWidth: 1 } })
    assert.ok(nobody.kind === 'send' && !nobody.groups && nobody.outgoing.length === 0)
    const somebody = decided(event({ groups, linked, context: { screenWidth: 1, screenHeight: 2 } }))
    assert.ok(somebody.kind === 'send' && somebody.groups && !somebody.linked && somebody.outgoing.length === 1)
    const merge: LogRecord = { type: 'merge', time: NOW, linked }
    assert.equal(decided(merge).kind, 'drop')
    const whole = decided({ ...merge, user: 1 })
    assert.ok(whole.kind === 'send' && whole.linked)
  })
})
