/** What `incident clock ID VERB` takes. */
export const CLOCK_VERBS = ['mark', 'assess', 'done', 'sign-off'] as const
export type ClockVerb = (typeof CLOCK_VERBS)[number]

export interface ClockOptions {
  event?: string
  at?: string
  regime?: string
  rule?: string
  applies?: string
  correct?: boolean
  name?: string
  as?: string
  credential?: string
  reason?: string
}
