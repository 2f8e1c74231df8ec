/** Why something was not kept; a closed list, so that it can be a metric label. */
export type ReasonCode =
  | 'unknown_token'
  | 'repeat'
  | 'bad_record'
  | 'refused_browser_mark'
  | 'event_not_approved'
  | 'nothing_granted'
  | 'no_route'
  | 'too_large'
  | 'vendor_refused'
  | 'reserved_id'
  | 'once_only_uncertain'
