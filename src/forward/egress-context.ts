/** What a protocol's encoder gets of a destination: address and login, the secrets revealed. Lives in the worker's memory alone. */
import type { DestinationConfig } from '#model/config.ts'
import type { EgressContext } from '#model/protocol.ts'

export function egressContext(destination: DestinationConfig): EgressContext {
  const { credentials } = destination
  return {
    url: destination.url,
    token: destination.token,
    credentials:
      credentials.kind === 'secret'
        ? { kind: 'secret', secret: credentials.secret.reveal() }
        : { kind: 'serviceAccount', user: credentials.user, secret: credentials.secret.reveal(), projectId: credentials.projectId },
  }
}
