/** Test support: a child that puts evidence until it is killed, and says what was acknowledged. */
import { systemClock } from '#base/clock.ts'
import { openRecords } from '#records/records.ts'
import { openAt, type Place } from '#vault/testing.ts'
import { openEvidence } from './evidence.ts'

const place = JSON.parse(process.argv[2] ?? '{}') as Place
const vault = await openAt(place)
const records = openRecords({ path: `${place.root}/records.db` })
const store = openEvidence({ dir: `${place.root}/evidence`, vault: vault.files, records, now: () => systemClock.now() })
for (let n = 1; ; n++) {
  const content = async function* (): AsyncGenerator<Buffer, void> {
    for (let part = 0; part < 40; part++) yield Buffer.alloc(65_536, `${n % 10}`)
  }
  const { id, sha256 } = await store.put(content(), { owner: 'incident:1', kind: 'file', name: `file ${n}`, actor: 'anna' })
  process.stdout.write(`${id} ${sha256}\n`)
}
