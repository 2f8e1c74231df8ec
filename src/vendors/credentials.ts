/**
 * By what a vendor knows us, so that it can be changed there on the bad day and when the vendor is left. Names and places only: the
 * values stand in the configuration. What is on record outlives the configuration, since a token may outlive a contract.
 */
import { BulkheadError } from '#base/errors.ts'
import type { VendorConfig } from '#model/config.ts'
import type { CredentialRotation, Records, RecordsReader, VendorCredential, VendorFlow } from '#records/port.ts'

export interface CredentialState {
  name: string
  /** What kind of thing it is. */
  kind: string
  /** Where its value stands; `configured` false: where it stood. */
  place: string
  configured: boolean
  /** It was in use when the flow was cut or ended, and nobody has said since that it was changed at the vendor. */
  toRotate: boolean
  /** ISO 8601; null: never, as far as anybody has said. */
  rotatedAt: string | null
  rotatedBy: string | null
  reason: string | null
}

type Reading = Pick<RecordsReader, 'credentials' | 'rotations' | 'flow'> & { history(vendor: string): VendorFlow[] }

/** Without values: this may run where they are not known. */
export function configuredCredentials(vendors: readonly VendorConfig[]): VendorCredential[] {
  return vendors.flatMap(({ id: vendor, destinations }) =>
    destinations.flatMap(({ id, credentials, deletionToken }) => {
      const named = (name: string, kind: string, key: string): VendorCredential => {
        return { vendor, name: `${id}.${name}`, kind, place: `bulkhead.yaml: vendors ${vendor}, destinations ${id}, ${key}` }
      }
      return [
        named('token', 'project token', 'token'),
        credentials.kind === 'secret'
          ? named('secret', 'project secret', 'credentials.secret')
          : named('serviceAccount', 'service account', 'credentials.serviceAccount'),
        ...(deletionToken === undefined ? [] : [named('deletionToken', 'token for deletion calls', 'deletionToken')]),
      ]
    }),
  )
}

export function credentialsOf(vendor: string, records: Reading, configured: readonly VendorConfig[]): CredentialState[] {
  const now = configuredCredentials(configured.filter(({ id }) => id === vendor))
  const known = new Map([...records.credentials(vendor), ...now].map((credential) => [credential.name, credential]))
  const latest = new Map<string, CredentialRotation>(records.rotations(vendor).map((rotation) => [rotation.name, rotation]))
  const since = closedSince(records.history(vendor))
  return [...known.values()]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, kind, place }) => {
      const rotation = latest.get(name)
      return {
        name,
        kind,
        place,
        configured: now.some((credential) => credential.name === name),
        toRotate: since !== undefined && (rotation === undefined || rotation.fence < since),
        rotatedAt: rotation === undefined ? null : new Date(rotation.at).toISOString(),
        rotatedBy: rotation?.actor ?? null,
        reason: rotation?.reason ?? null,
      }
    })
}

/** Fence at which the flow was last closed after it had been open; undefined when it never was. By fences, since clocks are set. */
function closedSince(history: readonly VendorFlow[]): number | undefined {
  let since: number | undefined
  for (const [index, { state, fence }] of history.entries()) {
    if (state !== 'open' && (history[index - 1]?.state ?? 'open') === 'open') since = fence
  }
  return since
}

/** A person says that it was changed at the vendor; nothing can check that. Throws `credential_unknown`. */
export function tickRotated(
  of: { vendor: string; name: string; actor: string; reason: string; at: number },
  records: Reading & Pick<Records, 'recordRotation'>,
  configured: readonly VendorConfig[],
): CredentialState {
  const { vendor, name, actor, reason, at } = of
  const find = (): CredentialState | undefined => credentialsOf(vendor, records, configured).find((each) => each.name === name)
  if (find() === undefined) {
    throw new BulkheadError('credential_unknown', `${vendor} has no credential ${JSON.stringify(name.slice(0, 64))}`)
  }
  records.recordRotation(vendor, { name, fence: records.flow(vendor).fence, at, actor, reason })
  return find() as CredentialState
}

/** In the answer of a cut. */
export type CredentialToRotate = Pick<CredentialState, 'name' | 'kind' | 'place' | 'toRotate' | 'rotatedAt'>

export function credentialsToRotate(vendor: string, records: Reading, configured: readonly VendorConfig[]): CredentialToRotate[] {
  return credentialsOf(vendor, records, configured).map(({ name, kind, place, toRotate, rotatedAt }) => {
    return { name, kind, place, toRotate, rotatedAt }
  })
}
