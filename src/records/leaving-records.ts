/** What is on record of vendors on their way out: decisions on what waits for them, and their credentials. */
import type { DatabaseSync } from 'node:sqlite'
import type { CredentialRotation, HeldDecision, Records, RecordsReader, VendorCredential } from './port.ts'

export const LEAVING_STEP = `
   CREATE TABLE vendor_flow_next (
     vendor TEXT NOT NULL,
     fence INTEGER NOT NULL,
     state TEXT NOT NULL CHECK (state IN ('open', 'cut', 'retired')),
     changed_at BIGINT NOT NULL,
     actor TEXT NOT NULL,
     reason TEXT NOT NULL,
     PRIMARY KEY (vendor, fence)
   );
   INSERT INTO vendor_flow_next SELECT vendor, fence, state, changed_at, actor, reason FROM vendor_flow;
   DROP TABLE vendor_flow;
   ALTER TABLE vendor_flow_next RENAME TO vendor_flow;
   CREATE TABLE held_decision (
     id INTEGER NOT NULL PRIMARY KEY,
     vendor TEXT NOT NULL,
     decision TEXT NOT NULL CHECK (decision IN ('release', 'drop', 'keep')),
     up_to BIGINT NOT NULL,
     events BIGINT NOT NULL,
     decided_at BIGINT NOT NULL,
     actor TEXT NOT NULL,
     reason TEXT NOT NULL
   );
   CREATE TABLE vendor_credential (
     vendor TEXT NOT NULL,
     name TEXT NOT NULL,
     kind TEXT NOT NULL,
     place TEXT NOT NULL,
     PRIMARY KEY (vendor, name)
   );
   CREATE TABLE credential_rotation (
     id INTEGER NOT NULL PRIMARY KEY,
     vendor TEXT NOT NULL,
     name TEXT NOT NULL,
     fence INTEGER NOT NULL,
     rotated_at BIGINT NOT NULL,
     actor TEXT NOT NULL,
     reason TEXT NOT NULL
   );`

type Reading = Pick<RecordsReader, 'heldDecisions' | 'heldSkips' | 'credentials' | 'rotations'>
type Writing = Pick<Records, 'decideHeld' | 'recordCredentials' | 'recordRotation'>

/** Records of an older program hold nothing of it. */
export function readLeaving(database: DatabaseSync, isThere: boolean): Reading {
  if (!isThere) {
    return { heldDecisions: () => [], heldSkips: () => ({ dropped: 0, kept: 0 }), credentials: () => [], rotations: () => [] }
  }
  const decisions = database.prepare(
    `SELECT vendor, decision, up_to AS upTo, events, decided_at AS at, actor, reason FROM held_decision WHERE vendor = ? ORDER BY id`,
  )
  const dropped = database.prepare("SELECT max(up_to) AS upTo FROM held_decision WHERE vendor = ? AND decision = 'drop'")
  const latest = database.prepare(
    "SELECT decision, up_to AS upTo FROM held_decision WHERE vendor = ? AND decision != 'drop' ORDER BY id DESC LIMIT 1",
  )
  const credentials = database.prepare('SELECT vendor, name, kind, place FROM vendor_credential WHERE vendor = ? ORDER BY name')
  const rotations = database.prepare(
    'SELECT name, fence, rotated_at AS at, actor, reason FROM credential_rotation WHERE vendor = ? ORDER BY id',
  )
  return {
    heldDecisions: (vendor) => decisions.all(vendor) as unknown as HeldDecision[],
    heldSkips: (vendor) => {
      const last = latest.get(vendor) as { decision: HeldDecision['decision']; upTo: number } | undefined
      const upTo = Number((dropped.get(vendor) as { upTo: number | null }).upTo ?? 0)
      return { dropped: upTo, kept: Math.max(upTo, last?.decision === 'keep' ? last.upTo : 0) }
    },
    credentials: (vendor) => credentials.all(vendor) as unknown as VendorCredential[],
    rotations: (vendor) => rotations.all(vendor) as unknown as CredentialRotation[],
  }
}

export function writeLeaving(database: DatabaseSync, transact: <Result>(act: () => Result) => Result): Writing {
  const decide = database.prepare(
    `INSERT INTO held_decision (id, vendor, decision, up_to, events, decided_at, actor, reason)
     VALUES ((SELECT coalesce(max(id), 0) + 1 FROM held_decision), ?, ?, ?, ?, ?, ?, ?)`,
  )
  const credential = database.prepare(
    `INSERT INTO vendor_credential (vendor, name, kind, place) VALUES (?, ?, ?, ?)
     ON CONFLICT (vendor, name) DO UPDATE SET kind = excluded.kind, place = excluded.place`,
  )
  const rotation = database.prepare(
    `INSERT INTO credential_rotation (id, vendor, name, fence, rotated_at, actor, reason)
     VALUES ((SELECT coalesce(max(id), 0) + 1 FROM credential_rotation), ?, ?, ?, ?, ?, ?)`,
  )
  return {
    decideHeld: ({ vendor, decision, upTo, events, at, actor, reason }) =>
      transact(() => void decide.run(vendor, decision, upTo, events, at, actor, reason)),
    recordCredentials: (all) =>
      transact(() => {
        for (const { vendor, name, kind, place } of all) credential.run(vendor, name, kind, place)
      }),
    recordRotation: (vendor, { name, fence, at, actor, reason }) =>
      transact(() => void rotation.run(vendor, name, fence, at, actor, reason)),
  }
}
