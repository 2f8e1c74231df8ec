import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RecipientChange } from '#records/notice-rows.ts'
import { Commits } from './commits.ts'

const OF = { incident: 1, version: 1, connections: 2 }

test('what several have to say is one commit, in the order in which it was said', async () => {
  const written: RecipientChange[][] = []
  const commits = new Commits(OF, { changeRecipients: (_of, changes) => void written.push([...changes]) }, () => 0)
  await Promise.all([commits.write({ number: 1, state: 'sent' }), commits.write({ number: 2, state: 'sending' }), commits.write()])
  assert.deepEqual(written, [
    [
      { number: 1, state: 'sent' },
      { number: 2, state: 'sending' },
    ],
  ])
})

test('after one that failed nothing is taken, also where nobody waited for it: its rows do not say what became of them', async () => {
  let isFull = true
  const changeRecipients = (): void => {
    if (isFull) throw Object.assign(new Error('database or disk is full'), { errcode: 13 })
  }
  const commits = new Commits(OF, { changeRecipients }, () => 0)
  // As the sender does with an answer: it is to be durable with the next mail.
  commits.write({ number: 1, state: 'sent' }).catch(() => undefined)
  await new Promise((resolve) => setImmediate(resolve))
  isFull = false
  await assert.rejects(commits.write(), { errcode: 13 })
  await assert.rejects(commits.write({ number: 2, state: 'sending' }), { errcode: 13 })
})
