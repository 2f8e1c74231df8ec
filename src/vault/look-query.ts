/**
 * What somebody typed to find a person is that person's address or id. The record of looks is never rewritten, so it stands
 * there under the person's own key, and goes when that is destroyed; that somebody looked, and why, stays.
 */
import type { KeyObject } from 'node:crypto'
import type { LookEntry, ReadLook } from './looks.ts'
import { bind, open, seal } from './seal.ts'

/** `about`: the person who was found; undefined when nobody was. */
export interface LookQuery {
  text: string
  about: number | undefined
}

export function sealQuery(
  { text, about }: LookQuery,
  keyOf: (ordinal: number) => KeyObject | undefined,
): Pick<LookEntry, 'query' | 'about'> {
  const key = about === undefined ? undefined : keyOf(about)
  if (about === undefined || key === undefined) return { query: text }
  return { about: { person: about, sealed: seal(key, bind('look-query', about), text).toString('base64') } }
}

/** Without the question where its person was erased. */
export function openQuery(look: ReadLook, keyOf: (ordinal: number) => KeyObject | undefined): ReadLook {
  const { entry } = look
  if (entry?.about === undefined) return look
  const { person, sealed } = entry.about
  const key = keyOf(person)
  const query = key && open(key, bind('look-query', person), Buffer.from(sealed, 'base64'))
  return query === undefined ? look : { ...look, entry: { ...entry, query: query.toString('utf8') } }
}
