import assert from 'node:assert/strict'
import test from 'node:test'
import { RecentMap } from './recent-map.ts'

test('a recent map forgets, but never what was used last', () => {
  const map = new RecentMap<string, number>(100)
  for (let key = 0; key < 1000; key++) {
    map.set(String(key), key)
    assert.equal(map.get('0'), 0)
    assert.equal(map.get(String(key)), key)
  }
  assert.equal(map.get('1'), undefined)
})

test('a recent map never holds more than it may, and forgets on request', () => {
  const map = new RecentMap<number, number>(10)
  const held = (): number => Array.from({ length: 100 }, (_, key) => map.get(key)).filter((value) => value !== undefined).length
  for (let key = 0; key < 100; key++) map.set(key, key)
  assert.ok(held() >= 5 && held() <= 10, `holds ${held()}`)
  map.set(99, -1)
  assert.equal(map.get(99), -1, 'the newest value stands')
  map.delete(99)
  assert.equal(map.get(99), undefined, 'in neither generation')
  map.clear()
  assert.equal(held(), 0)
})
