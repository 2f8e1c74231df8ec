/** Every protocol that a source or a destination can name. Stages get this map and never name an entry of it. */
import type { Protocol } from '#model/protocol.ts'
import { mixpanel } from './mixpanel/mixpanel.ts'

export const protocols: ReadonlyMap<string, Protocol> = new Map([mixpanel].map((protocol) => [protocol.id, protocol]))
