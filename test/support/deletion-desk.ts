/**
 * A vendor's application host for a test: takes deletion calls as its published description says and refuses what is not of that
 * form, and passes all else on to the loopback cloud.
 */
import type { TestContext } from 'node:test'
import { CloudDeletions } from '#drill/mixpanel-cloud-deletions.ts'
import { TOKENS } from './config.ts'
import { startRelay } from './relay.ts'

export const DELETION_TOKEN = 'test-deletion-token'

export interface DeletionDesk {
  url: string
  cloud: CloudDeletions
  /** Distinct ids of each call that was taken. */
  taken: string[][]
  /** What was wrong with those that were not. */
  complaints: string[]
  /** While it is set, every call is answered with this status. */
  away: number | undefined
}

export async function startDeletionDesk(t: TestContext, vendor: string): Promise<DeletionDesk> {
  const cloud = new CloudDeletions({ deletionToken: DELETION_TOKEN, token: TOKENS.vendor })
  const url = await startRelay(t, vendor, (request) => (body) => {
    const { method, headers, url: path = '' } = request
    return cloud.take({ method, url: path, authorization: headers.authorization, body })
  })
  return {
    url,
    cloud,
    complaints: cloud.complaints,
    get taken() {
      return cloud.tasks.map(({ distinctIds }) => distinctIds)
    },
    get away() {
      return cloud.ordered?.status
    },
    set away(status: number | undefined) {
      cloud.ordered = status === undefined ? undefined : { status, body: {} }
    },
  }
}
