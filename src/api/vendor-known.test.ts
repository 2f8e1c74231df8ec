import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Warehouse } from '#warehouse/port.ts'
import { openRecords } from '#records/records.ts'
import { assertDestinations, assertVendorEverKnown } from './vendor-known.ts'

/** The ledger has sent to `gone`, of which neither configuration nor records say anything, and to an outlet of `acme` long ago. */
const SENT: Record<string, string[]> = { gone: ['gone-main'], acme: ['acme-before'] }

test('who was sent anything is known, whatever else says nothing of it; what is mistyped is refused', async () => {
  const records = openRecords({ path: ':memory:' })
  records.cut('acme', { at: 1, actor: 'anna', reason: 'why' })
  const asked: string[] = []
  const query = async (sql: string, { vendor }: { vendor?: string }): Promise<unknown[]> => {
    asked.push(vendor ?? '')
    const destinations = SENT[vendor ?? ''] ?? []
    return sql.includes('1 AS found') ? destinations.map(() => ({ found: 1 })) : destinations.map((destination) => ({ destination }))
  }
  const config = { sources: [], vendors: [{ id: 'new', name: 'New', kind: '', destinations: [{ id: 'new-main' }] }] } as never
  const of = { records, config, warehouse: { query } as unknown as Warehouse }
  try {
    for (const vendor of ['acme', 'new', 'gone']) await assertVendorEverKnown(vendor, of)
    await assert.rejects(assertVendorEverKnown('goen', of), { code: 'vendor_unknown' })
    assert.deepEqual(asked, ['gone', 'goen'], 'the ledger is asked only where nothing else knows it')
    await assertDestinations([], 'gone', of)
    await assertDestinations(['new-main'], 'new', of)
    assert.equal(asked.length, 2)
    await assertDestinations(['gone-main'], 'gone', of)
    await assertDestinations(['acme-before'], 'acme', of)
    await assert.rejects(assertDestinations(['acme-before', 'acme-beofre'], 'acme', of), { code: 'destination_unknown', message: /beofre/ })
    await assert.rejects(assertDestinations(['gone-main'], 'acme', of), { code: 'destination_unknown' })
  } finally {
    records.close()
  }
})
