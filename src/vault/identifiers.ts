/** Identifiers of an epoch: made for a vendor, made again for a deletion call, and led back to whom they name. */
import type { KeyObject } from 'node:crypto'
import { BulkheadError } from '#base/errors.ts'
import type { KeyStore } from './key-store.ts'
import type { DiscloseRequest } from './port.ts'
import { KIND_CODES, makeIds, makePhases, positionBlocks, type PseudonymSubject, reversePseudonyms, subjectBlocks } from './pseudonym.ts'
import { Uuids } from './uuids.ts'

export interface Resolved {
  kind: PseudonymSubject['kind']
  ordinal: number
  /** 0 for the staff view. */
  epoch: number
}

/** As `disclose`, with 16 bytes an id instead of text. */
export interface DiscloseBlocks {
  pseudonyms: Buffer
  insertIds: Buffer
  phases: Uint32Array
}

export function discloseBlocks(keys: KeyStore, { destination, epoch, subjects, positions }: DiscloseRequest): DiscloseBlocks {
  const own = keys.epochs.state(destination, epoch) === 'active' ? keys.epochs.keys(destination, epoch) : undefined
  if (own === undefined)
    throw new BulkheadError('vault_refused', 'that epoch makes no identifiers: it is closed, destroyed or was never begun')
  checkKinds(subjects)
  const blocks = subjectBlocks(subjects)
  return {
    pseudonyms: makeIds(own.pseudonym, blocks),
    insertIds: makeIds(own.insertId, positionBlocks(positions)),
    phases: makePhases(own.time, blocks),
  }
}

/** Of closed epochs too: the vendor holds those, and is to be asked to delete them. */
export function deletionPseudonyms(keys: KeyStore, request: Pick<DiscloseRequest, 'destination' | 'epoch' | 'subjects'>): string[] {
  const own = keys.epochs.keys(request.destination, request.epoch)
  if (own === undefined) throw new BulkheadError('vault_refused', 'that epoch was destroyed or never begun')
  return staffTexts(own.pseudonym, request.subjects)
}

export function staffTexts(key: KeyObject, subjects: Float64Array): string[] {
  checkKinds(subjects)
  return new Uuids(makeIds(key, subjectBlocks(subjects))).texts()
}

export function staffUserIds(key: KeyObject, users: Float64Array): Buffer {
  const packed = new Float64Array(users.length * 2)
  for (let at = 0; at < users.length; at++) {
    packed[at * 2] = KIND_CODES.user
    packed[at * 2 + 1] = users[at] as number
  }
  return makeIds(key, subjectBlocks(packed))
}

/** Over all epochs of a destination that were not destroyed. */
export function resolveIn(
  keys: KeyStore,
  staff: KeyObject,
  from: { destination: string } | 'staff',
  uuids: readonly string[],
): (Resolved | undefined)[] {
  const found: (Resolved | undefined)[] = uuids.map(() => undefined)
  const tryKey = (key: KeyObject, epoch: number): void => {
    reversePseudonyms(key, uuids).forEach((subject, at) => {
      if (subject !== undefined) found[at] = { ...subject, epoch }
    })
  }
  if (from === 'staff') tryKey(staff, 0)
  else {
    for (const { destination, epoch } of keys.epochs.list()) {
      const own = destination === from.destination ? keys.epochs.keys(destination, epoch) : undefined
      if (own !== undefined) tryKey(own.pseudonym, epoch)
    }
  }
  return found
}

/** Other roles ask for users, devices and groups; aliases and canaries are made here alone. */
function checkKinds(packed: Float64Array): void {
  for (let at = 0; at < packed.length; at += 2) {
    if ((packed[at] as number) > KIND_CODES.group)
      throw new BulkheadError('vault_refused', 'no identifiers are made for that kind of subject')
  }
}
