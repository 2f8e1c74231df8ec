/**
 * Links that a mail filter put in front of ours, in the forms that write out in the clear where they lead. Only one that leads to an
 * address of ours, letter by letter, is known; what has no such address in it, or one more, is judged as any other link.
 */
import type { OfficialMarks } from './read-notice.ts'

/** Microsoft Defender: the target, then what is for the filter alone. */
const SAFE_LINKS =
  /^https:\/\/[a-z]{3}\d{2}\.safelinks\.protection\.outlook\.com\/\?url=([\w%.-]{1,300})&data=[\w%.+|-]{1,1500}&sdata=[\w%+/=-]{1,200}&reserved=0$/
/** Proofpoint, third form: without a replaced letter in the target. */
const URL_DEFENSE = /^https:\/\/urldefense\.com\/v3\/__(https:\/\/[\w./-]{1,300})__;!![\w-]{1,60}![\w-]{1,300}\$$/
/** Proofpoint, second form: `-3A` for `:`, `_` for `/`. */
const URL_DEFENSE_2 =
  /^https:\/\/urldefense\.proofpoint\.com\/v2\/url\?u=([\w.-]{1,300})&d=[\w-]{1,60}&c=[\w-]{1,60}&r=[\w-]{1,80}&m=[\w-]{1,80}&s=[\w-]{1,80}&e=$/

const ANYWHERE =
  /https:\/\/(?:[a-z]{3}\d{2}\.safelinks\.protection\.outlook\.com\/\?|urldefense\.com\/v3\/|urldefense\.proofpoint\.com\/v2\/)[^\s<>"']{1,3000}/g

/** Where the filter sends on to, when that is ours; undefined: no link of a filter that is known, or one to elsewhere. */
export function unfiltered(link: string, marks: OfficialMarks): string | undefined {
  const [, encoded] = SAFE_LINKS.exec(link) ?? []
  const [, plain] = URL_DEFENSE.exec(link) ?? []
  const [, dashed] = URL_DEFENSE_2.exec(link) ?? []
  const target =
    encoded !== undefined
      ? decoded(encoded)
      : (plain ?? (dashed === undefined ? undefined : decoded(dashed.replaceAll('-', '%').replaceAll('_', '/'))))
  return target !== undefined && isPageOfOurs(target, marks) ? target : undefined
}

/** A text in which the filter's links are written as they were before it. */
export function withoutFilters(text: string, marks: OfficialMarks, onFilter: (host: string) => void): string {
  return text.replace(ANYWHERE, (link) => {
    const target = unfiltered(link, marks)
    if (target === undefined) return link
    onFilter(new URL(link).hostname)
    return target
  })
}

function isPageOfOurs(target: string, { checkUrl, domain }: OfficialMarks): boolean {
  return [checkUrl, `https://${domain}`, `https://${domain}/`].includes(target)
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    // No escape: not what the filter writes.
    return undefined
  }
}
