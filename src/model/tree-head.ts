/**
 * What is signed of the tree over the ledger's entries: which tree, how many leaves, and the root (the text of
 * c2sp.org/tlog-checkpoint). A restore that lost entries begins another origin, since its tree does not extend the one before.
 */
export interface TreeHead {
  origin: string
  size: number
  /** SHA-256 of RFC 6962. */
  root: Buffer
}

const PREFIX = 'bulkhead/ledger'
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** `restored`: the origin that a restore has opened, as its gap names it. */
export function treeOrigin(instance: string, restored?: string): string {
  return [PREFIX, instance, ...(restored === undefined ? [] : [restored])].join('/')
}

/** Whether it is one that this instance may have: no other text may be signed in its name. */
export function isTreeOrigin(origin: string, instance: string): boolean {
  const own = treeOrigin(instance)
  return origin === own || (origin.startsWith(`${own}/`) && UUID.test(origin.slice(own.length + 1)))
}

/** The bytes that are signed; no other statement that this key signs begins like that. */
export function treeHeadText({ origin, size, root }: TreeHead): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`
}
