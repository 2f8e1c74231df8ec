/** Whom a mail server's refusal speaks of, and that nothing of a person is told on. Answers as servers are known to give them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isTooLarge, readRefusal, type RefusalAbout, refusalText, type RefusalStage, signatureOf, tooLarge } from './refusal.ts'
import { ALIKE_MAX, Refusals } from './refusals.ts'

const SAID: [RefusalStage, string, RefusalAbout][] = [
  ['connection', '554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org', 'us'],
  ['sign-in', '535 5.7.8 Error: authentication failed', 'us'],
  ['sender', '553 5.7.1 <security@company.example>: Sender address rejected: not owned by user app', 'us'],
  ['sender', '501 5.1.7 Bad sender address syntax', 'us'],
  ['recipient', '554 5.7.1 <ann@example.org>: Relay access denied', 'rule'],
  ['recipient', '550 relay not permitted', 'rule'],
  ['recipient', '553 sorry, that domain isn’t in my list of allowed rcpthosts (#5.7.1)', 'rule'],
  ['recipient', '530 5.7.0 Must issue a STARTTLS command first', 'us'],
  ['recipient', '530 Authentication required', 'us'],
  ['recipient', '550 5.7.60 SMTP; Client does not have permissions to send as this sender', 'rule'],
  ['mail', '550 5.7.26 This mail is unauthenticated', 'us'],
  ['recipient', '550 5.1.1 <ann@example.org>: Recipient address rejected: User unknown in local recipient table', 'person'],
  ['recipient', '550-5.1.1 The email account that you tried to reach does not exist.\r\n550 5.1.1 Please try double-checking', 'person'],
  ['recipient', '552 5.2.2 The email account that you tried to reach is over quota', 'person'],
  ['recipient', '550 5.4.1 Recipient address rejected: Access denied', 'person'],
  ['recipient', '550 5.7.17 mailbox owner has changed', 'person'],
  ['recipient', '556 domain accepts no mail', 'person'],
  ['recipient', '550 No such user here', 'person'],
  ['recipient', '550 5.1.8 sender domain not found', 'us'],
  ['recipient', '503 5.5.1 bad sequence of commands', 'us'],
  ['recipient', '550 5.4.5 Daily sending limit exceeded', 'rule'],
  ['recipient', '550 Requested action not taken', 'unclear'],
  ['mail', '554 5.0.0 rejected', 'unclear'],
  ['sender', '552 5.3.4 Message size exceeds fixed limit', 'size'],
  ['sender', '552 Message size exceeds fixed maximum message size', 'size'],
  ['mail', '552 5.3.4 Error: message file too big', 'size'],
  ['mail', '552-5.2.3 Your message exceeded our message size limits', 'size'],
  ['mail', '552 Error: message too large', 'size'],
  ['recipient', '552 5.2.3 Message too large for this mailbox', 'person'],
  ['mail', '552 mailbox full', 'person'],
  ['mail', '550 5.7.1 message content rejected', 'rule'],
]

/** Each code at its edge: what a reply alone says, what a status says, and what neither does. */
const EDGES: [RefusalStage, string, RefusalAbout][] = [
  ['recipient', '534 x', 'us'],
  ['recipient', '535 x', 'us'],
  ['recipient', '538 x', 'us'],
  ['recipient', '500 x', 'us'],
  ['recipient', '504 x', 'us'],
  ['recipient', '505 x', 'unclear'],
  ['recipient', '551 x', 'person'],
  ['recipient', '552 x', 'person'],
  ['recipient', '550 5.1.0 x', 'unclear'],
  ['recipient', '550 5.1.7 x', 'us'],
  ['recipient', '550 5.1.9 x', 'person'],
  ['recipient', '550 5.4.0 x', 'unclear'],
  ['recipient', '550 5.4.5 x', 'unclear'],
  ['recipient', '550 5.4.6 x', 'person'],
  ['recipient', '550 5.5.0 x', 'unclear'],
  ['recipient', '550 5.5.4 x', 'us'],
  ['recipient', '550 5.6.6 x', 'unclear'],
  ['recipient', '550 5.6.7 x', 'person'],
  ['recipient', '550 5.6.9 x', 'person'],
  ['recipient', '550 5.6.10 x', 'unclear'],
  ['recipient', '550 5.7.0 x', 'rule'],
  ['recipient', '550 5.7.2 x', 'person'],
  ['recipient', '550 5.7.3 x', 'us'],
  ['recipient', '550 5.7.13 x', 'person'],
  ['recipient', '550 5.7.18 x', 'person'],
  ['recipient', '550 5.7.29 x', 'us'],
  ['recipient', '550 5.3.0 user unknown', 'person'],
  ['connection', '554 5.3.4 x', 'us'],
  ['sign-in', '552 message too large', 'us'],
  ['recipient', '552 5.3.4 x', 'size'],
  ['recipient', '552 message too large', 'person'],
  ['mail', '550 5.1.1 message too large', 'person'],
  ['mail', '552 5.0.0 message too large', 'size'],
  ['sender', '552 x', 'size'],
  ['sender', '552 5.2.3 x', 'size'],
  ['mail', '552 x', 'person'],
]

test('each code says of whom it speaks at its edges too', () => {
  for (const [stage, answer, about] of EDGES)
    assert.equal(readRefusal(stage, Number(answer.slice(0, 3)), answer).about, about, `${stage}: ${answer}`)
})

test('refusals are alike by where they came, the reply and the status, and by no word', () => {
  const of = (stage: RefusalStage, answer: string): string => signatureOf(readRefusal(stage, Number(answer.slice(0, 3)), answer))
  assert.equal(of('mail', '550 5.7.1 one'), of('mail', '550 5.7.1 another'))
  const all = [
    of('mail', '550 5.7.1 x'),
    of('recipient', '550 5.7.1 x'),
    of('mail', '554 5.7.1 x'),
    of('mail', '550 5.7.2 x'),
    of('mail', '550 x'),
  ]
  assert.equal(new Set(all).size, all.length)
})

test('a limit that was announced is told in bytes, and no more words of a server than somebody reads', () => {
  assert.equal(refusalText(tooLarge(500, 20)), 'it takes at most 20 bytes')
  assert.equal(refusalText(readRefusal('mail', 550, '550 <a> b c')), '550 (when we handed a mail over)')
  const long = readRefusal('mail', 550, `550 ${'mail '.repeat(60)}`)
  assert.equal(long.words.split(' ').length, 24)
})

test('a refusal speaks of us, of a rule, of the person, or it is not clear of whom', () => {
  for (const [stage, answer, about] of SAID) {
    assert.equal(readRefusal(stage, Number(answer.slice(0, 3)), answer).about, about, `${stage}: ${answer}`)
  }
})

test('nothing that could be an address or part of one is told on, whatever the server says', () => {
  const secret = fc.constantFrom(
    'ann',
    'ann@example.org',
    'Ann',
    'example.org',
    '<ann@example.org>:',
    'ann.lee',
    'अनु@उदाहरण',
    'anné',
    'a\u202enn',
    'ann\u0000',
  )
  const plain = fc.constantFrom('Relay', 'denied', 'sender', 'rejected:', '(policy)', 'not', 'permitted')
  fc.assert(
    fc.property(fc.array(fc.oneof(secret, plain), { maxLength: 60 }), (words) => {
      const text = refusalText(readRefusal('recipient', 550, `550 5.7.1 ${words.join(' ')}`))
      assert.match(text, /^550 5\.7\.1( “[A-Za-z… ]+”)? \(when we named a recipient\)$/)
      assert.ok(!/ann|example|lee/i.test(text), text)
      assert.ok(text.length < 400)
    }),
  )
  assert.equal(
    refusalText(readRefusal('recipient', 554, '554 5.7.1 <ann@example.org>: Relay access denied')),
    '554 5.7.1 “… Relay access denied” (when we named a recipient)',
  )
})

const refusal = (answer: string) => readRefusal('recipient', 550, `550 ${answer}`)

test('nobody has failed while the server has taken nothing; who is of the person fails as soon as it takes mails', () => {
  const refusals = new Refusals()
  assert.equal(refusals.refused(1, refusal('5.1.1 unknown')), 'held')
  assert.equal(refusals.refused(2, refusal('no')), 'held')
  assert.deepEqual(
    refusals.accepted().map(([number]) => number),
    [1, 2],
  )
  assert.equal(refusals.refused(3, refusal('5.1.1 unknown')), 'failed')
  assert.equal(refusals.refused(4, refusal('no')), 'held')
  refusals.again(4)
  assert.deepEqual(refusals.accepted(), [])
})

test('when nobody is left: few that are not clear have failed, several alike or one that is of us end the sending', () => {
  const left = (...answers: string[]): number | undefined => {
    const refusals = new Refusals()
    for (const [number, answer] of answers.entries()) refusals.refused(number, refusal(answer))
    const failed = refusals.drained().length
    return refusals.ending === undefined ? failed : undefined
  }
  assert.equal(left('no', 'no'), 2)
  assert.equal(left('no', 'no', 'no'), undefined)
  assert.equal(left('no', 'no', '5.1.1 unknown'), 3)
  assert.equal(left('5.1.1 unknown', '5.1.1 unknown', '5.1.1 unknown', '5.1.1 unknown'), 4)
  assert.equal(left('5.7.1 rejected'), undefined)
})

test('whose mail is too large waits until nobody else is left, and then it is said', () => {
  const refusals = new Refusals()
  const large = readRefusal('sender', 552, '552 5.3.4 too big')
  for (let number = 0; number < 3; number++) assert.equal(refusals.refused(number, large), 'held')
  assert.deepEqual(refusals.accepted(), [])
  for (let number = 3; number < 3 * ALIKE_MAX; number++) assert.equal(refusals.refused(number, large), 'held')
  assert.equal(refusals.refused(1000, refusal('no')), 'held')
  assert.deepEqual(
    refusals.drained().map(([number]) => number),
    [1000],
  )
  assert.equal(refusals.ending?.about, 'size')
  assert.ok(isTooLarge(large) && isTooLarge(refusal('5.2.3 too large for this mailbox')) && !isTooLarge(refusal('5.2.2 full')))
})

test('in any order of answers: who has failed was refused and not taken since, and never by a server that takes nothing', () => {
  const answer = fc.constantFrom('taken', 'no', '5.1.1 unknown', '5.7.1 rejected', '5.7.26 unsigned')
  fc.assert(
    fc.property(fc.array(answer, { maxLength: 120 }), (answers) => {
      const refusals = new Refusals()
      const failed = new Set<number>()
      let taken = 0
      let sinceTaken = 0
      for (const [number, each] of answers.entries()) {
        if (each === 'taken') {
          taken += 1
          sinceTaken = 0
          for (const [other] of refusals.accepted()) failed.add(other)
          continue
        }
        sinceTaken += 1
        const judged = refusals.refused(number, refusal(each))
        if (judged === 'failed') failed.add(number)
        if (judged === 'ends') break
      }
      if (taken === 0) assert.equal(failed.size, 0)
      for (const number of failed) assert.notEqual(answers[number], 'taken')
      assert.ok(refusals.heldCount <= 4 * ALIKE_MAX)
      if (refusals.ending === undefined && sinceTaken > 0 && taken > 0) assert.ok(refusals.heldCount <= sinceTaken)
    }),
  )
})

test('a connection that is refused ends the sending before a mail was taken at once, and else the tenth in a row', () => {
  const us = readRefusal('connection', 554, '554 no')
  assert.ok(new Refusals().refusedUs(us))
  const refusals = new Refusals()
  refusals.accepted()
  for (let row = 0; row < 2; row++) {
    for (let time = 1; time < 10; time++) assert.ok(!refusals.refusedUs(us), `${time} in a row`)
    if (row === 0) refusals.accepted()
  }
  assert.ok(refusals.refusedUs(us))
  assert.equal(refusals.ending, us)
})

test('three by rules end it while nothing was taken, twenty alike whenever, one of us while nothing was taken', () => {
  const judged = (isTaking: boolean, answer: string, times: number): string => {
    const refusals = new Refusals()
    if (isTaking) refusals.accepted()
    let last = ''
    for (let number = 1; number <= times; number++) last = refusals.refused(number, refusal(answer))
    return last
  }
  assert.deepEqual([judged(false, '5.7.1 no', 2), judged(false, '5.7.1 no', 3)], ['held', 'ends'])
  assert.deepEqual([judged(true, '5.7.1 no', ALIKE_MAX - 1), judged(true, '5.7.1 no', ALIKE_MAX)], ['held', 'ends'])
  assert.deepEqual([judged(false, 'no', ALIKE_MAX - 1), judged(false, 'no', ALIKE_MAX)], ['held', 'ends'])
  assert.deepEqual([judged(false, '5.7.8 no', 1), judged(true, '5.7.8 no', 1)], ['ends', 'held'])
  // A size that a server says before it took anything may be of everybody.
  const large = (isTaking: boolean): string => {
    const refusals = new Refusals()
    if (isTaking) refusals.accepted()
    let last = ''
    for (let number = 1; number <= ALIKE_MAX; number++) last = refusals.refused(number, readRefusal('mail', 552, '552 5.3.4 too big'))
    return last
  }
  assert.deepEqual([large(false), large(true)], ['ends', 'held'])
})

test('when nobody is left, one of us of a server that has taken nothing ends it, and three of one that has', () => {
  const ends = (isTaking: boolean, ...answers: string[]): boolean => {
    const refusals = new Refusals()
    if (isTaking) refusals.accepted()
    for (const [number, answer] of answers.entries()) refusals.refused(number, refusal(answer))
    const failed = refusals.drained()
    assert.equal(failed.length > 0, refusals.ending === undefined)
    return refusals.ending !== undefined
  }
  assert.deepEqual([ends(false, '5.7.1 no'), ends(true, '5.7.1 no'), ends(true, '5.7.1 no', '5.7.8 no')], [true, false, false])
  assert.ok(ends(true, '5.7.1 no', '5.7.8 no', '5.7.1 no'))
  // Alike by their codes, and one of them says that it is of the person.
  assert.ok(!ends(false, 'no', 'no', 'user unknown'))
  // Three alike, and one otherwise among them.
  assert.deepEqual(
    [ends(false, 'no', 'no', 'no'), ends(false, 'no', 'no', 'no', '5.1.0 x'), ends(true, 'no', 'no', 'no')],
    [true, false, false],
  )
})
