/** Test child: discloses, grows the tree and erases people until it is killed, and prints what a checkpoint has covered. */
import { writeSync } from 'node:fs'
import type { OutcomeState } from '#model/disclosure.ts'
import { keepErasedRows } from './erased-rows.ts'
import { disclose, openTreePlace, rowsOf } from './testing-tree.ts'

const place = await openTreePlace(process.argv[2] as string, 40)
const writer = place.writer()
void writer.run(new AbortController().signal)
const states: (OutcomeState | undefined)[] = ['delivered', 'possible', 'not_sent', undefined]
for (let round = 0; ; round++) {
  // Whoever is erased is somebody else when they come back: nobody is disclosed once their secret is going.
  const alive = place.people.slice(round % 20)
  const some = (index: number): number[] => alive.slice((index * 3) % alive.length, ((index * 3) % alive.length) + 1 + (index % 4))
  await disclose(
    place,
    Array.from({ length: 1 + (round % 90) }, (_, index) => ({ rows: rowsOf(some(index)), state: states[(round + index) % 4] })),
  )
  const { head } = place.ledger
  if (round % 3 === 2) {
    const gone = place.people[0] as number
    await writer.reached(head)
    const entries = Array.from({ length: head }, (_, index) => index + 1)
    await keepErasedRows({ subjects: [gone], entries }, { ledger: place.ledger, rows: place.openRows, vault: place.vault.tree })
    await place.vault.erase([gone])
    place.people.shift()
  }
  const { size } = writer.status()
  writeSync(1, `${size}\n`)
}
