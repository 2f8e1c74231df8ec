/** Steps about clocks and notices: what is refused, who is owed a notice, what a mail server took, and what a forger makes of it. */
import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { simpleParser } from 'mailparser'
import nodemailer from 'nodemailer'
import { BulkheadError } from '#base/errors.ts'
import { startMailSink } from './mail-sink.ts'
import { castOf, COMPANY, OFFICIAL_DOMAIN, type StoryPerson } from './story-cast.ts'
import { decodeStory } from './story-file.ts'
import type { StepOf } from './story-format.ts'
import { owedNotices, scoreNotices } from './story-notified.ts'
import { codeOf, forgeMail } from './story-phish.ts'

const HEAD = `story: small
about: a word
sources: [{ id: site }]
vendors: [{ id: mixpanel }]
people: [{ id: all, count: 2 }, { id: some, count: 3 }]
steps:
  - { at: 2025-01-01T00:00:00Z, do: send, people: all, source: site }
  - { at: 2025-01-01T00:00:00Z, do: open, as: i, vendor: mixpanel, told: 2025-01-01T00:00:00Z }
`
const NOTIFY = 'do: notify, incident: i'

function storyOf(...steps: string[]): string {
  return `${HEAD}${steps.map((step) => `  - { at: 2025-01-02T00:00:00Z, ${step} }\n`).join('')}`
}

test('what is wrong with steps about clocks and notices is said with its place', () => {
  const good = [
    'do: clock, incident: i, mark: determined, happened: 2025-01-01T00:00:00Z, reason: r',
    'do: clock, incident: i, assess: eu-gdpr-33-34, applies: true, reason: r',
    'do: clock, incident: i, done: eu-sa, reason: r',
    NOTIFY,
    `${NOTIFY}, kills: [{ role: staff, after: 1 }, { role: supervisor, after: 2 }]`,
    'do: phish, as: fake, people: all, code: invented',
    'do: phish, as: copy, people: all, words: copied, code: stolen, from: some, domain: company-notice.example',
    'do: check, mail: notice, people: all, expect: genuine',
    'do: check, mail: fake, as: code, by: page, networks: 30, expect: not_ours',
    'do: expect, incident: i, clocks: [{ regime: eu-gdpr-33-34, to: regulator, dueAt: 2025-01-04T00:00:00Z, state: running }]',
    'do: expect, incident: i, notified: { people: [all], organisations: 0, nobodyElse: true }, replayed: 0',
  ]
  assert.equal(decodeStory('s.yaml', storyOf(...good)).steps.length, 2 + good.length)
  const cases: [steps: string[], said: RegExp][] = [
    [['do: clock, incident: i, reason: r'], /s\.yaml:9:\d+: found none of mark, assess, done and signOff/],
    [['do: clock, incident: i, mark: determined, done: eu-sa, reason: r'], /found 2 of mark/],
    [['do: clock, incident: i, assess: eu-gdpr-33-34, reason: r'], /one of assess and applies/],
    [['do: clock, incident: i, signOff: A Lawyer, happened: 2025-01-01T00:00:00Z, reason: r'], /mark or done beside it/],
    [['do: clock, incident: i, done: eu-sa, rule: eu-sa, reason: r'], /assess beside it/],
    [['do: clock, incident: i, mark: determined, happened: 2025-02-30T00:00:00Z, reason: r'], /a date that exists/],
    [[`${NOTIFY}, kills: [{ role: staff, after: 3 }, { role: staff, after: 3 }]`], /each after more mails/],
    [[`${NOTIFY}, kills: [{ role: janitor, after: 3 }]`], /a process of Bulkhead/],
    [['do: notify, incident: other'], /an incident opened before/],
    [['do: phish, as: fake, people: all, code: stolen, from: some'], /a `notify` before it/],
    [[NOTIFY, 'do: phish, as: fake, people: all, words: copied'], /`from`: whose it was/],
    [[NOTIFY, 'do: phish, as: fake, people: all, from: some'], /words: copied or code: stolen beside it/],
    [[NOTIFY, 'do: phish, as: fake, people: all, code: stolen, from: nobody'], /the id of a group of people/],
    [['do: phish, as: notice, people: all'], /an id that no other phish has/],
    [['do: phish, as: f, people: all', 'do: phish, as: f, people: all'], /an id that no other phish has/],
    [['do: phish, as: f, people: all, count: 3'], /at most the 2 of all/],
    [['do: phish, as: f, people: all, domain: "a b"'], /a host name/],
    [['do: check, mail: notice, people: all, expect: genuine'], /a `notify` before it/],
    [[NOTIFY, 'do: check, mail: notice, expect: genuine'], /`people` beside it/],
    [['do: check, mail: fake, people: all, expect: genuine'], /the id of a phish before/],
    [['do: phish, as: f, people: all', 'do: check, mail: f, as: code, expect: not_ours'], /mail or text/],
    [['do: phish, as: f, people: all', 'do: check, mail: f, networks: 3, expect: not_ours'], /by: page beside it/],
    [['do: phish, as: f, people: all', 'do: check, mail: f, expect: forged'], /genuine, altered, not_ours, cannot_tell/],
    [['do: expect, clocks: [{ regime: a, to: people, state: met }]'], /clocks without an incident/],
    [['do: expect, notified: { people: [all] }'], /notified without an incident/],
    [['do: expect, incident: i, clocks: [{ regime: a, to: people }]'], /a with nothing to compare/],
    [['do: expect, incident: i, clocks: [{ regime: a, state: met }]'], /`to` or `rule` beside it/],
    [['do: expect, incident: i, clocks: [{ regime: a, to: people, dueAt: 2025-02-29T00:00:00Z }]'], /a date that exists/],
    [['do: expect, incident: i, clocks: []'], /a list of \{regime/],
    [['do: expect, incident: i, notified: { people: [] }'], /an expectation of nothing/],
    [['do: expect, incident: i, notified: { people: [none] }'], /the id of a group of people/],
  ]
  for (const [steps, said] of cases) assert.match(refusal(storyOf(...steps)), said, steps.join('; '))
})

function refusal(text: string): string {
  try {
    decodeStory('s.yaml', text)
  } catch (thrown) {
    assert.ok(thrown instanceof BulkheadError && thrown.code === 'config_invalid')
    return thrown.message
  }
  return assert.fail(`it was taken: ${text.slice(HEAD.length)}`)
}

const story = decodeStory(
  's.yaml',
  HEAD.replace('{ id: all, count: 2 }', '{ id: all, count: 6, organisations: 2, administrators: true }').replace('count: 3', 'count: 3'),
)
const cast = castOf(story)

test('the first of each organisation is its administrator', () => {
  assert.deepEqual(
    cast.map(({ organisation, administers }) => [organisation, administers]),
    [
      ['org-all-0', 'org-all-0'],
      ['org-all-1', 'org-all-1'],
      ['org-all-0', undefined],
      ['org-all-1', undefined],
      ['org-all-0', undefined],
      ['org-all-1', undefined],
      [undefined, undefined],
      [undefined, undefined],
      [undefined, undefined],
    ],
  )
})

test('whoever is new in the scope and has an address is owed one notice, over all versions once', () => {
  const numbers = cast.map(({ n }) => n)
  const versions = fc.array(fc.subarray(numbers), { maxLength: 5 })
  fc.assert(
    fc.property(versions, fc.subarray(numbers), (scopes, withAddress) => {
      const hasAddress = ({ n }: StoryPerson): boolean => withAddress.includes(n)
      const told = new Set<number>()
      const got = new Map<number, number>()
      for (const scope of scopes) {
        const owed = owedNotices({ affected: new Set(scope), told, cast, hasAddress })
        for (const n of owed.people) got.set(n, (got.get(n) ?? 0) + 1)
        const total = [...owed.mails.values()].reduce((sum, count) => sum + count, 0)
        assert.equal(total, owed.people.size + owed.organisations.size)
        for (const n of owed.people) told.add(n)
      }
      const everAffected = new Set(scopes.flat())
      for (const { n } of cast) assert.equal(got.get(n) ?? 0, everAffected.has(n) && withAddress.includes(n) ? 1 : 0)
    }),
  )
})

test('an administrator is owed one more for the organisation, also when only others of it are affected', () => {
  const owed = owedNotices({ affected: new Set([1, 3, 4]), told: new Set(), cast, hasAddress: () => true })
  const [first, second, third, fourth] = cast as [StoryPerson, StoryPerson, StoryPerson, StoryPerson]
  assert.deepEqual(
    owed.mails,
    new Map([
      [first.email, 2],
      [third.email, 1],
      [second.email, 1],
      [fourth.email, 1],
    ]),
  )
  assert.deepEqual(owed.organisations, new Set(['org-all-0', 'org-all-1']))
  // One whom no mail can reach is owed none, and counts as told of nobody.
  const hasAddress = ({ n }: StoryPerson): boolean => n !== first.n
  const unreached = owedNotices({ affected: new Set([3, 4]), told: new Set(), cast, hasAddress })
  assert.deepEqual([...unreached.mails.keys()].sort(), [third.email, second.email, fourth.email].sort())
  assert.deepEqual(unreached.organisations, new Set(['org-all-1']))
})

test('a mail that nobody is owed, and a second one, are wrong; one that did not come is forgotten', () => {
  const owed = new Map([
    ['a', 2],
    ['b', 1],
    ['c', 1],
  ])
  assert.deepEqual(scoreNotices(owed, ['a', 'a', 'b', 'c']), { score: { expected: 4, sent: 4, wrongly: 0 }, forgotten: [], wrongly: [] })
  assert.deepEqual(scoreNotices(owed, ['a', 'b', 'b', 'd', 'b']), {
    score: { expected: 4, sent: 5, wrongly: 3 },
    forgotten: ['a', 'c'],
    wrongly: ['b', 'd'],
  })
})

test('the mail server keeps each mail as it came, and who sends it waits while somebody listens', async (t) => {
  const sink = await startMailSink(() => 7)
  t.after(() => sink.close())
  const { host, port } = sink
  const sender = nodemailer.createTransport({ host, port, secure: false, ignoreTLS: true })
  t.after(() => sender.close())
  const counts: number[] = []
  sink.beforeReply((count) => void counts.push(count))
  for (const to of ['one@mail.example', 'two@mail.example']) {
    await sender.sendMail({ from: 'security@company.example', to, subject: 'अपने खाते के बारे में', text: 'a line' })
  }
  sink.beforeReply(undefined)
  assert.deepEqual(counts, [1, 2])
  assert.deepEqual(
    sink.mails().map(({ at, from, to }) => [at, from, to]),
    [
      [7, 'security@company.example', ['one@mail.example']],
      [7, 'security@company.example', ['two@mail.example']],
    ],
  )
  assert.equal((await simpleParser(sink.mails()[0]?.raw ?? '')).subject, 'अपने खाते के बारे में')
})

const GENUINE = 'BH-7K2QD-AAAAA-BBBBB-CCCCC-DDDDD'

test('a forger copies words, code, both or neither, and sets another domain in their place', async () => {
  const transport = nodemailer.createTransport({ streamTransport: true, buffer: true })
  const text = `You may be affected.\n\nCheck it at https://${OFFICIAL_DOMAIN}/check with ${GENUINE}\n`
  const { message } = await transport.sendMail({
    from: `a@${OFFICIAL_DOMAIN}`,
    to: 'x@mail.example',
    subject: 's',
    text,
    html: `<p>${text}</p>`,
  })
  const forge = async (step: Partial<StepOf<'phish'>>) => {
    const whole = { at: '', do: 'phish', as: 'f', people: 'all', ...step } as StepOf<'phish'>
    const held = await forgeMail(whole, {
      to: 'v@mail.example',
      company: COMPANY,
      officialDomain: OFFICIAL_DOMAIN,
      notice: message as Buffer,
    })
    return { code: held.code, mail: await simpleParser(held.raw) }
  }
  const copied = await forge({ words: 'copied', code: 'stolen', domain: 'company-notice.example' })
  assert.equal(copied.code, GENUINE)
  assert.match(copied.mail.text ?? '', new RegExp(`https://company-notice.example/check with ${GENUINE}`))
  assert.ok(!`${copied.mail.text}${String(copied.mail.html)}${copied.mail.from?.text}`.includes(`@${OFFICIAL_DOMAIN}`))
  const invented = await forge({ words: 'copied', code: 'invented' })
  assert.match(invented.code ?? '', /^BH(-[0-9A-HJKMNP-TV-Z]{5}){5}$/)
  assert.equal(codeOf(invented.mail.text ?? ''), invented.code)
  assert.notEqual(invented.code, GENUINE)
  const own = await forge({})
  assert.deepEqual([own.code, codeOf(own.mail.text ?? '')], [undefined, undefined])
  assert.match(own.mail.text ?? '', /Confirm your password/)
})
