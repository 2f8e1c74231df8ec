/** Mixpanel's protocol: ingest as its SDKs speak it, egress as its ingestion API documents it. */
import type { Protocol } from '#model/protocol.ts'
import { decodeRequest } from './decode.ts'
import { mixpanelDeletion } from './deletion.ts'
import { mixpanelEgress } from './egress.ts'
import { fieldOfExportKey } from './export-key.ts'
import { acceptedReply, refusedReply } from './replies.ts'
import { routeOfPath } from './routes.ts'
import { requestOfRecord } from './single-record.ts'

export const mixpanel: Protocol = {
  id: 'mixpanel',
  ingest: { route: routeOfPath, decode: decodeRequest, requestOf: requestOfRecord, accepted: acceptedReply, refused: refusedReply },
  egress: mixpanelEgress,
  deletion: mixpanelDeletion,
  fieldOfExportKey,
}
