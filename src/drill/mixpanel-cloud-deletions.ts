/**
 * The loopback cloud's application host, as far as deletions go: it takes calls as developer.mixpanel.com/reference/gdpr-api publishes
 * them, in either published form of the answer, and refuses what is not of that form. Tasks stay as they are until somebody moves
 * them on; it deletes nothing, so that what it was sent can still be counted.
 */
import { isJsonObject } from '#model/json.ts'

export type TaskState = 'PENDING' | 'STAGING' | 'STARTED' | 'SUCCESS' | 'FAILURE' | 'REVOKED' | 'NOT_FOUND' | 'UNKNOWN'

export interface DeletionTask {
  id: string
  distinctIds: string[]
  state: TaskState
}

export interface DeletionCall {
  method: string | undefined
  url: string
  authorization: string | undefined
  body: Buffer
}

export interface DeletionReply {
  status: number
  body: unknown
  retryAfter?: string
}

const PATH = /^\/api\/app\/data-deletions\/v3\.0(?:\/([^/]+))?\/?$/
const IDS_MAX = 1999

export class CloudDeletions {
  readonly tasks: DeletionTask[] = []
  /** What was wrong with calls that were not taken. */
  readonly complaints: string[] = []
  /** `object`: `{results: {task_id}}`; `list`: `{results: [{tracking_id, …}]}`. */
  shape: 'object' | 'list' = 'object'
  /** While it is set, every call is answered so. */
  ordered: DeletionReply | undefined
  readonly #token: string
  readonly #project: string

  constructor(account: { deletionToken: string; token: string }) {
    this.#token = account.deletionToken
    this.#project = account.token
  }

  /** Undefined: no path of this host. */
  take(call: DeletionCall): DeletionReply | undefined {
    const { pathname, searchParams } = new URL(call.url, 'http://cloud')
    if (!pathname.startsWith('/api/app/')) return undefined
    if (this.ordered !== undefined) return this.ordered
    const match = PATH.exec(pathname)
    if (match === null) return this.#refuse(404, `${call.method} ${pathname}`)
    if (call.authorization !== `Bearer ${this.#token}`) return this.#refuse(401, 'no valid OAuth token')
    if (searchParams.get('token') !== this.#project) return this.#refuse(400, 'no project token')
    const id = match[1]
    if (call.method === 'POST' && id === undefined) return this.#ask(call.body)
    if (call.method === 'GET' && id !== undefined) return this.#tell(decodeURIComponent(id))
    return this.#refuse(405, `${call.method} ${pathname}`)
  }

  #ask(body: Buffer): DeletionReply {
    const value: unknown = JSON.parse(body.toString('utf8'))
    const { distinct_ids: ids, compliance_type: type, ...more } = isJsonObject(value) ? value : {}
    const isList = Array.isArray(ids) && ids.length > 0 && ids.length <= IDS_MAX && ids.every((each) => typeof each === 'string')
    if (!isList || (type !== 'GDPR' && type !== 'CCPA') || Object.keys(more).length > 0) return this.#refuse(400, 'not the published form')
    const task: DeletionTask = { id: String(1000 + this.tasks.length), distinctIds: ids as string[], state: 'PENDING' }
    this.tasks.push(task)
    if (this.shape === 'object') return { status: 201, body: { status: 'ok', results: { task_id: task.id } } }
    const listed = { status: task.state, tracking_id: task.id, distinct_id_count: ids.length, compliance_type: type, project_id: 1 }
    return { status: 201, body: { status: 'ok', results: [listed] } }
  }

  #tell(id: string): DeletionReply {
    const task = this.tasks.find((each) => each.id === id)
    const results = { tracking_id: id, status: task?.state ?? 'NOT_FOUND', compliance_type: 'GDPR', distinct_ids: task?.distinctIds ?? [] }
    return { status: 200, body: { status: 'ok', results } }
  }

  #refuse(status: number, what: string): DeletionReply {
    this.complaints.push(what)
    return { status, body: { status: 'error', error: what } }
  }
}
