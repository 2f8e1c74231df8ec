/**
 * Signals in the records: something came in that may be a breach, and what somebody decided of it. Each is a chain of signed rows like an
 * incident's, numbered apart so that none of them can pass for an incident's.
 */
export const SIGNAL_STEP = `CREATE TABLE signal_row (
     incident INTEGER NOT NULL,
     row_no INTEGER NOT NULL,
     instance TEXT NOT NULL,
     kind TEXT NOT NULL,
     at BIGINT NOT NULL,
     actor TEXT NOT NULL,
     body TEXT NOT NULL,
     texts_sha256 TEXT NOT NULL,
     before_sha256 TEXT NOT NULL,
     sealed TEXT,
     signing_key TEXT NOT NULL,
     signature TEXT NOT NULL,
     PRIMARY KEY (incident, row_no)
   );`

/** The vault signs rows by number of incident: those of signals begin here. */
export const SIGNALS_FROM = 1_000_000_000_000
