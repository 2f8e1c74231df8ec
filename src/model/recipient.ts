/**
 * Where what a destination gets really goes: the address, and the project there. What two people agreed to is for that recipient; a
 * destination's name is only what the configuration calls it.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '#base/canonical-json.ts'

export interface Recipient {
  /** Scheme, host, port and path; `this machine` for all that does not leave it. */
  address: string
  /** Of the project's token and number: they route what is sent to an account, and stand in no policy themselves. */
  project: string
}

/** Of a configured destination what says where it sends. */
interface Addressed {
  url: string
  token: string
  credentials: { kind: 'secret' } | { kind: 'serviceAccount'; projectId: string }
}

/** As one machine's ports may change with every start, and whoever has the machine is trusted. */
const THIS_MACHINE = 'this machine'
const PROJECT_LABEL = 'bulkhead/recipient-project/v1'

/** Pure. Spellings of one address are one recipient. */
export function recipientOf({ url: text, token, credentials }: Addressed): Recipient {
  const projectId = credentials.kind === 'serviceAccount' ? credentials.projectId : ''
  const project = createHash('sha256')
    .update(`${PROJECT_LABEL}\n${canonicalJson([token, projectId])}`)
    .digest('hex')
    .slice(0, 32)
  return { address: addressOf(text), project }
}

export function isSameRecipient(one: Recipient | undefined, other: Recipient | undefined): boolean {
  return one?.address === other?.address && one?.project === other?.project
}

/** `https://api.mixpanel.com (project 1f2e3d4c)` */
export function recipientName({ address, project }: Recipient): string {
  return `${address} (project ${project.slice(0, 8)})`
}

/** Whether nothing that is sent there leaves the machine, as far as the name tells. */
export function isThisMachine(hostname: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
}

function addressOf(text: string): string {
  const url = URL.parse(text)
  if (url === null) return text
  const host = url.hostname.replace(/\.$/, '')
  if (isThisMachine(host)) return THIS_MACHINE
  return `${url.protocol}//${host}${url.port === '' ? '' : `:${url.port}`}${url.pathname.replace(/\/+$/, '')}`
}
