/** What a backup asks of a running Bulkhead: `POST /v1/backup/STEP`. The order of the steps is in src/app/backup.ts. */
import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import { type Static, Type } from 'typebox'
import { BulkheadError } from '#base/errors.ts'
import { ROUTES } from './contract.ts'
import type { StaffDeps } from './deps.ts'

const Folder = Type.Object({ dir: Type.String({ minLength: 2, maxLength: 4096 }) }, { additionalProperties: false })
const Made = Type.Object(
  { kind: Type.Enum(['data', 'keys']), at: Type.Integer(), dir: Type.String({ minLength: 1, maxLength: 4096 }) },
  { additionalProperties: false },
)

export function addBackupRoutes(app: FastifyInstance, { backup }: StaffDeps): void {
  const route = (step: string): string => `${ROUTES.backup}/${step}`
  const folderOf = ({ dir }: Static<typeof Folder>): string => {
    if (!path.isAbsolute(dir)) throw new BulkheadError('bad_usage', 'the folder of a copy is named by its whole path')
    return dir
  }
  app.post(route('freeze'), async () => ({ ok: await backup.freeze().then(() => true) }))
  app.post(route('resume'), async () => ({ ok: await backup.resume() }))
  app.post(route('thaw'), async () => ({ ok: await backup.thaw().then(() => true) }))
  app.post<{ Body: Static<typeof Folder> }>(route('rows'), { schema: { body: Folder } }, async (request) => {
    await backup.rows(folderOf(request.body))
    return { ok: true }
  })
  app.post<{ Body: Static<typeof Folder> }>(route('keys'), { schema: { body: Folder } }, async (request) => {
    await backup.keys(folderOf(request.body))
    return { ok: true }
  })
  app.post<{ Body: Static<typeof Made> }>(route('record'), { schema: { body: Made } }, async ({ body: { kind, at, dir } }) => {
    await backup.record(kind as 'data' | 'keys', { at, dir })
    return { ok: true }
  })
}
