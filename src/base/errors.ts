/**
 * The one registry of errors that a person can see. A code is never reused or renamed once released;
 * `docs/errors.md` explains each, and a test compares the two in both directions.
 *
 * `exit`: 1 refused or failed, 2 bad usage (sysexits are not used: scripts want few values).
 * `status`: the HTTP status when the staff API answers with it.
 * `hint`: what to do, one sentence, no secrets and no personal data.
 */
export const ERRORS = {
  bad_usage: { exit: 2, status: 400, hint: 'Run `bulkhead --help` for the commands and their options.' },
  config_invalid: { exit: 1, status: 400, hint: 'Correct the line named above; `docs/configuration.md` describes every key.' },
  config_unreadable: { exit: 1, status: 400, hint: 'Check the path and the permissions of the configuration file.' },
  data_dir_foreign: { exit: 1, status: 409, hint: 'Name an empty or absent folder, or one that Bulkhead made (it holds a file FORMAT).' },
  data_format_newer: { exit: 1, status: 409, hint: 'This data was written by a newer Bulkhead; start that version or a newer one.' },
  already_running: { exit: 1, status: 409, hint: 'Stop the process named above, or use another --data folder.' },
  not_running: { exit: 1, status: 503, hint: 'Start it with `npm start` (or `bulkhead up`) on the same --data folder.' },
  key_missing: {
    exit: 1,
    status: 503,
    hint: 'Restore the key folder from its backup; without its keys this data cannot be opened, and no new key is ever made for old data.',
  },
  key_wrong: {
    exit: 1,
    status: 503,
    hint: 'The key folder belongs to another instance or its key-encryption key was changed; restore the right one.',
  },
  key_place_wrong: { exit: 1, status: 409, hint: 'Set BULKHEAD_KEYS to a folder outside the data folder, best on another disk.' },
  key_exists: { exit: 1, status: 409, hint: 'A key folder for this instance exists already; keys are created once.' },
  port_taken: { exit: 1, status: 409, hint: 'Choose another port with --port or --console-port.' },
  unauthorized: {
    exit: 1,
    status: 401,
    hint: 'Give your credential: --as FILE or BULKHEAD_CREDENTIAL; else the one counts that the first start wrote beside the keys.',
  },
  reason_required: { exit: 2, status: 400, hint: 'Add --reason "…": it stands on record with who asked and when.' },
  not_found: { exit: 1, status: 404, hint: 'Check the spelling; `bulkhead who` takes an email address or an id as your systems sent it.' },
  vendor_unknown: { exit: 1, status: 404, hint: '`bulkhead vendor list` names the configured vendors.' },
  destination_unknown: { exit: 1, status: 404, hint: '`bulkhead vendor show V` names its destinations.' },
  policy_invalid: {
    exit: 1,
    status: 400,
    hint: 'Nothing was changed. `bulkhead policy show --yaml` prints a policy file; docs/policy.md says what may stand in it.',
  },
  name_unclear: {
    exit: 1,
    status: 400,
    hint: 'Nothing was changed. Write event:NAME or property:KEY; `bulkhead policy propose` lists what waits.',
  },
  event_invalid: { exit: 1, status: 400, hint: 'Give one event as the SDK sends it: its JSON in a file, or on stdin with `-`.' },
  policy_changed: {
    exit: 1,
    status: 409,
    hint: 'Somebody else changed the policy at the same time; look at `bulkhead policy show` and try again.',
  },
  vendor_not_cut: { exit: 1, status: 409, hint: 'Nothing to restore: the flow to this vendor is open.' },
  vendor_unfenced: { exit: 1, status: 500, hint: 'Kill the process named above by hand; until it is gone a request may still start.' },
  directory_invalid: { exit: 1, status: 400, hint: 'The first line must name the columns; `id` is needed. See `docs/directory.md`.' },
  window_invalid: {
    exit: 2,
    status: 400,
    hint: 'Give instants as ISO 8601 with a zone, for example 2025-11-08T00:00:00Z, the start before the end.',
  },
  baseline_invalid: { exit: 1, status: 400, hint: 'See `docs/baseline.md` for what a declaration or an export holds.' },
  warehouse_behind: {
    exit: 1,
    status: 503,
    hint: 'The warehouse has not caught up with the ledger yet; try again, and see `bulkhead doctor`.',
  },
  warehouse_failed: {
    exit: 1,
    status: 500,
    hint: 'See the warehouse lines of the diagnostics; the log keeps every event until it works again.',
  },
  vault_refused: { exit: 1, status: 403, hint: 'This role may not make that call; see docs/SECURITY.md for the capabilities.' },
  vault_unavailable: { exit: 1, status: 503, hint: 'The vault is starting or stopped; nothing was kept. Try again.' },
  role_silent: { exit: 1, status: 503, hint: 'It was stopped or caught in itself, and was killed; read its lines of the diagnostics.' },
  log_corrupt: { exit: 1, status: 500, hint: 'Stop, copy the data folder, and restore the log folder from its backup.' },
  log_unwritable: {
    exit: 1,
    status: 503,
    hint: 'Check free space and health of the disk that holds the data folder; nothing of the request was kept.',
  },
  vault_corrupt: {
    exit: 1,
    status: 500,
    hint: 'Stop, copy the data folder, and restore vault.db from the backup that belongs to these keys.',
  },
  records_corrupt: {
    exit: 1,
    status: 500,
    hint: 'Stop, copy the data folder, and restore records.db from its backup; without it nobody knows whose flow is cut.',
  },
  ledger_corrupt: { exit: 1, status: 500, hint: 'Stop, copy the data folder, and restore the ledger from its backup.' },
  statement_invalid: {
    exit: 1,
    status: 400,
    hint: 'Give the file as `bulkhead who X --statement FILE` wrote it.',
  },
  person_ambiguous: {
    exit: 1,
    status: 409,
    hint: 'A statement is about one person and shows nobody else: ask by an id that only that person has.',
  },
  checkpoint_invalid: {
    exit: 1,
    status: 400,
    hint: 'Compare it with the copy that another place holds; what no known key has signed says nothing.',
  },
  verifier_key_invalid: {
    exit: 2,
    status: 400,
    hint: 'Give it as `name+hash+base64` on one line, as `bulkhead ledger checkpoint --json` prints it.',
  },
  disk_full: {
    exit: 1,
    status: 503,
    hint: 'Free space on the disk that `bulkhead doctor` names; everything goes on by itself then, and nothing that was accepted is lost.',
  },
  backup_place_wrong: {
    exit: 1,
    status: 409,
    hint: 'Name an empty or absent folder, or an earlier backup, outside the data folder and the key folder, best on another disk.',
  },
  backup_failed: { exit: 1, status: 500, hint: 'The last whole backup in that folder is untouched; remove the cause and run it again.' },
  backup_invalid: {
    exit: 1,
    status: 409,
    hint: 'Nothing was restored. Use another backup; a copy that was not finished or was changed afterwards cannot be trusted.',
  },
  dependency_missing: { exit: 1, status: 500, hint: 'Run `npm run setup:system`, which installs what the system packages provide.' },
  drill_failed: { exit: 1, status: 500, hint: 'Read the score above: the figures that are not as expected are named.' },
  erase_deferred: {
    exit: 1,
    status: 409,
    hint: 'It goes on by itself when the hold is closed: `bulkhead hold list`, `bulkhead hold close N --reason "…"`.',
  },
  epoch_state_wrong: { exit: 1, status: 409, hint: '`bulkhead vendor rotate V` closes the active epoch and begins the next.' },
  epoch_needed: { exit: 1, status: 409, hint: 'Wait until what is named above is over; a destroyed epoch can never say whom it named.' },
  key_service_unavailable: {
    exit: 1,
    status: 503,
    hint: 'Nothing is accepted until it answers; it is asked again every few seconds. Check address, token and policy of the key service (`keys` in bulkhead.yaml).',
  },
  ledger_tree_broken: {
    exit: 1,
    status: 500,
    hint: 'Run `bulkhead ledger verify`: it names what does not fit. docs/errors.md says what to do then.',
  },
  internal: { exit: 1, status: 500, hint: 'This is a defect in Bulkhead; please report it with the code path named above.' },
  line_invalid: { exit: 1, status: 400, hint: 'Give one JSON object a line; `docs/DETECTORS.md` describes what it may hold.' },
  leak_file_invalid: {
    exit: 1,
    status: 400,
    hint: 'Nothing was matched. Give CSV, JSON or lines of JSON, as they are or compressed by gzip; `--format` says which where it is not seen.',
  },
  evidence_corrupt: {
    exit: 1,
    status: 500,
    hint: 'Restore the folder `evidence` from a backup; the copy that was changed proves nothing any more.',
  },
  operator_exists: { exit: 1, status: 409, hint: 'Choose another name; `bulkhead operator list` shows all, removed ones too.' },
  operator_unknown: { exit: 1, status: 404, hint: '`bulkhead operator list` names them.' },
  operator_last: { exit: 1, status: 409, hint: 'Add somebody else first: `bulkhead operator add NAME --file FILE`.' },
  approval_unknown: { exit: 1, status: 404, hint: '`bulkhead approval list` shows all proposals.' },
  approval_closed: {
    exit: 1,
    status: 409,
    hint: 'Propose it again if it is still wanted; `bulkhead approval list` says what became of it.',
  },
  approval_own: { exit: 1, status: 403, hint: 'Ask another operator: `bulkhead approval approve ID --as FILE --reason "…"`.' },
  approval_needed: { exit: 1, status: 409, hint: '`bulkhead approval list` shows what waits; another operator approves it.' },
  geo_unreadable: {
    exit: 1,
    status: 503,
    hint: 'Install what `package-lock.json` names again (`npm ci`), or `npm run setup:places` for regions and cities.',
  },
  geo_absent: { exit: 1, status: 503, hint: 'Install it with `npm run setup:places`, or take `gateway.places` out of bulkhead.yaml.' },
  incident_unknown: { exit: 1, status: 404, hint: '`bulkhead incident list` names them.' },
  incident_closed: { exit: 1, status: 409, hint: 'Open it again with `bulkhead incident reopen ID --reason "…"`, or open another one.' },
  incident_changed: { exit: 1, status: 409, hint: 'Somebody else added to the incident at the same time; look at it and try again.' },
  incident_invalid: { exit: 2, status: 400, hint: 'Nothing was recorded. `docs/incidents.md` says what an incident holds.' },
  rules_invalid: { exit: 1, status: 400, hint: 'Correct the file named above; docs/clocks.md says what a file of rules holds.' },
  rule_unknown: { exit: 1, status: 404, hint: '`bulkhead incident clocks ID --all` names all regimes and their rules.' },
  signal_unknown: { exit: 1, status: 404, hint: '`bulkhead signal list` names them.' },
  clock_recorded: { exit: 1, status: 409, hint: 'Add --correct to state it anew; what was said before stays on record.' },
  match_unknown: { exit: 1, status: 404, hint: '`bulkhead incident show ID` names the files; `bulkhead incident match` reads one.' },
  match_outdated: {
    exit: 1,
    status: 409,
    hint: 'Nothing was proposed or changed. Match the file again: `bulkhead incident match ID --file F`.',
  },
  narrowing_empty: {
    exit: 1,
    status: 409,
    hint: 'Nothing was proposed or changed. Only a pseudonym that the ledger holds keeps somebody in.',
  },
  scope_narrowed: { exit: 1, status: 409, hint: 'Take that back first: `bulkhead incident amend ID --whole-ledger`.' },
  surface_unknown: { exit: 1, status: 404, hint: 'A surface is the `surface` of a source in bulkhead.yaml, as it stood when it was sent.' },
  vendor_retired: {
    exit: 1,
    status: 409,
    hint: 'A vendor that was left stays closed. For a new contract configure the vendor and its destinations under ids of their own.',
  },
  credential_unknown: { exit: 1, status: 404, hint: '`bulkhead vendor show V` lists the credentials of a vendor by name.' },
  notice_not_configured: {
    exit: 1,
    status: 409,
    hint: 'Add `notices:` to bulkhead.yaml and start again; docs/configuration.md has the keys.',
  },
  notice_nobody: { exit: 1, status: 409, hint: '`bulkhead incident notify ID --dry-run` counts who could be told.' },
  notice_unknown: { exit: 1, status: 404, hint: '`bulkhead incident notice list ID` names the versions and what is open in them.' },
  notice_changed: { exit: 1, status: 409, hint: 'Propose it anew: `bulkhead incident notify ID --propose --reason "…"`.' },
  notice_stopped: {
    exit: 1,
    status: 409,
    hint: 'Find out first whom it has reached, from the mail server; then `bulkhead incident notify ID --send --continue --reason "…"`.',
  },
  notice_server_refuses: {
    exit: 1,
    status: 409,
    hint:
      'Everybody who is left waits. Set `notices.smtp`, or that server, right (host, sign-in, whether it takes mails from `notices.from`), ' +
      'then `bulkhead incident notify ID --send`. When it means these people: `bulkhead incident notice settle ID --all --was refused`.',
  },
  notice_key_unusable: { exit: 1, status: 409, hint: 'Correct the file that `notices` in bulkhead.yaml names, and send again.' },
  outbox_place_wrong: { exit: 1, status: 409, hint: 'Name an empty folder, or a maildir, outside the data folder and the key folder.' },
  story_unknown: { exit: 1, status: 404, hint: 'Give the path of a file (`docs/stories.md` has the format) or one of these names.' },
  notice_template_invalid: {
    exit: 1,
    status: 500,
    hint: 'Correct the file of words named above; docs/notices.md says what a language needs. Nothing was sent.',
  },
  notice_language_unknown: { exit: 2, status: 400, hint: 'Choose one of the languages named above, or `auto`.' },
  notice_text_invalid: {
    exit: 1,
    status: 400,
    hint: 'Correct `notices:` in bulkhead.yaml, or the record named above. No notice was made.',
  },
} as const satisfies Record<string, ErrorSpec>

export interface ErrorSpec {
  exit: 1 | 2
  status: number
  hint: string
}

export type ErrorCode = keyof typeof ERRORS

/** An error meant for a person. `message` says what happened, without personal data and without secrets. */
export class BulkheadError extends Error {
  readonly code: ErrorCode
  readonly hint: string

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.name = 'BulkheadError'
    this.code = code
    this.hint = options.hint ?? ERRORS[code].hint
  }

  get exit(): 1 | 2 {
    return ERRORS[this.code].exit
  }

  get status(): number {
    return ERRORS[this.code].status
  }

  toJSON(): { error: { code: ErrorCode; message: string; hint: string } } {
    return { error: { code: this.code, message: this.message, hint: this.hint } }
  }
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERRORS, value)
}

/** Wraps anything thrown; a known error passes unchanged. */
export function toBulkheadError(thrown: unknown): BulkheadError {
  if (thrown instanceof BulkheadError) return thrown
  return new BulkheadError('internal', thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown })
}

/** A broken promise of our own code; the process that sees one stops rather than go on with wrong state. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`)
}
