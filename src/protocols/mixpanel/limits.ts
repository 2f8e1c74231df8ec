/**
 * Limits that Mixpanel publishes (developer.mixpanel.com/reference/import-events, docs.mixpanel.com "Property and
 * event limits"), and our own where it publishes none.
 */
export const RECORDS_MAX = 2000
export const BODY_BYTES_MAX = 10 * 1024 * 1024
export const RECORD_BYTES_MAX = 1024 * 1024
/** An event has fewer than 255 properties: said to a strict sender, and the ceiling of what we send. */
export const PROPERTIES_MAX = 254
/** Ours, on every route: above this a record is an attack or a defect. Between the two limits an event is kept. */
export const PROPERTIES_KEPT_MAX = 1000
/** Ours: the vendor keeps three levels of nesting, so nobody needs sixteen, and a walk of sixteen cannot exhaust the stack. */
export const DEPTH_MAX = 16
/** Text values end at 255 bytes at the vendor (docs.mixpanel.com, "Data types"): of a longer id it would make another one. */
export const ID_BYTES_MAX = 255
export const INSERT_ID_PATTERN = /^[A-Za-z0-9-]{1,36}$/

/** Outgoing: below the vendor's limits, since nobody says whether they mean 10^6 or 2^20, nor what counts as the body. */
export const OUTGOING_BODY_BYTES_MAX = 9_500_000
export const OUTGOING_RECORD_BYTES_MAX = 1_000_000
