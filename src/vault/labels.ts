/**
 * Every label under which a key is derived or a purpose is bound, in one place: one label, one use, never shared. A label
 * is part of the format: changing one makes old data unreadable and old pseudonyms different.
 */
export const LABELS = {
  // From the root key.
  wrapPerson: 'wrap-person',
  wrapKey: 'wrap-key',
  wrapFile: 'wrap-file',
  // From a person's secret. `commit` is for the ledger's per-person commitments; labels below it stand in commitments.ts.
  seal: 'seal',
  commit: 'commit',
  // From an epoch's secret.
  pseudonym: 'pseudonym',
  insertId: 'insert-id',
  session: 'session',
  time: 'time',
  alias: 'alias',
  // From a sealed file's key.
  evidence: 'evidence',
  evidenceName: 'evidence-name',
  // From keys of their own.
  staffView: 'staff-view',
  ledger: 'ledger',
  looks: 'looks',
  // What people write of incidents; from the ledger's key.
  incident: 'incident',
  hold: 'hold',
  // Of notices, all from the ledger's key: codes, the code that stands in a row, the address that fits it, text, networks that tried one.
  noticeCode: 'notice-code',
  noticeCheck: 'notice-check',
  noticeFit: 'notice-fit',
  noticeText: 'notice-text',
  noticeReplay: 'notice-replay',
  // `dedup` and `waiting` made the repeat hashes and sealed the waiting room of format 1.
  dedup: 'dedup',
  dedupBlock: 'dedup-block',
  scope: 'scope',
  scopeTag: 'scope-tag',
  suppressed: 'suppressed',
  newcomers: 'newcomers',
  factMac: 'fact-mac',
  fieldTag: 'field-tag',
  residence: 'residence',
  // Whether two people of one version of notices have the same address.
  noticeAddress: 'notice-address',
  waiting: 'waiting',
  waitingPair: 'waiting-pair',
  index: 'index',
} as const

export type Label = (typeof LABELS)[keyof typeof LABELS]

/** `info` of HKDF: names the product and the version of this scheme, so that no other use of a secret can collide. */
export function labelText(label: Label): string {
  return `bulkhead/1/${label}`
}
