/** The address of a request, taken apart. */
import { remember } from '#base/remember.ts'

/** Without scheme and host (proxies may send them) and without fragment; of repeated keys the last counts. */
export function splitUrl(url: string): { path: string; query: URLSearchParams } {
  const local = url.startsWith('/') && !url.includes('#') ? url : url.replace(/^https?:\/\/[^/?#]*/i, '').replace(/#.*$/s, '')
  const mark = local.indexOf('?')
  const path = mark < 0 ? local : local.slice(0, mark)
  const text = mark < 0 ? '' : local.slice(mark + 1)
  return { path: path === '' ? '/' : path, query: SWITCHES.test(text) ? switchesOf(text) : parseQuery(text) }
}

/** Switches of SDKs (`verbose=1&ip=0`) are the same with every request and hold nothing of anybody: they are parsed once. */
const SWITCHES = /^(?:[a-z]{1,16}=[01](?:&(?!$)|$)){0,8}$/
const switchesOf = remember(parseQuery, { entriesMax: 100, charactersMax: 128 })

function parseQuery(text: string): URLSearchParams {
  const query = new URLSearchParams()
  for (const [key, value] of new URLSearchParams(text)) query.set(key, value)
  return query
}
