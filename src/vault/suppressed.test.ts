/** Whoever was erased and must not come back is nobody by any of their ids and addresses; everybody else goes on. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { device, LOOK, user, windowOf, withVault } from './testing.ts'

const fact = (of: number, field: string, value: string) => ({ of, field, value, once: false, trust: 'server' as const, at: 1 })

test('no id of theirs is taken again, and no address of theirs is kept of anybody, through restarts; a device is', async () => {
  await withVault(async (first, _place, reopen) => {
    let vault = first
    await vault.commitWindow(
      windowOf({
        identifiers: [user('ann'), user('ann-2'), device('tablet'), user('ben')],
        facts: [fact(-1, 'email', 'Ann@Mail.example'), fact(-2, 'phone', '+44 20 7946 0018'), fact(-4, 'email', 'ben@mail.example')],
        edges: [
          { kind: 'merge', from: -2, to: -1, trust: 'server', at: 1 },
          { kind: 'device', from: -3, to: -1, trust: 'server', at: 1 },
        ],
      }),
    )
    const job = await vault.erasing.beginErasure('ann', { suppress: true }, LOOK)
    await vault.erasing.unlinkErased(job.id)
    for (const restarted of [false, true]) {
      if (restarted) vault = await reopen()
      const { ordinals } = await vault.commitWindow(
        windowOf({
          identifiers: [user('ann'), user('ann-2'), device('ann'), device('tablet'), user('ben'), user(`other-${restarted}`)],
          facts: [
            fact(-6, 'email', 'ann@mail.EXAMPLE'),
            fact(-6, 'phone', '+442079460018'),
            fact(-6, 'name', 'Other'),
            fact(-1, 'name', 'Ann'),
          ],
        }),
      )
      assert.deepEqual(
        ordinals.map((ordinal) => ordinal > 0),
        [false, false, false, true, true, true],
      )
      for (const query of ['ann', 'ann-2', 'ann@mail.example', '+442079460018'])
        assert.deepEqual(await vault.resolve(query, LOOK), [], query)
      const [other] = await vault.identities([[ordinals[5] as number]], LOOK)
      assert.deepEqual([other?.emails, other?.names], [[], ['Other']])
      assert.equal((await vault.resolve('ben@mail.example', LOOK)).length, 1)
    }
  })
})
