import { BulkheadError } from '#base/errors.ts'

/** What every command gets: where the data lies, how to print, and what the environment says. */
export interface Context {
  dataDir: string
  json: boolean
  /** File with the credential of who acts; undefined: BULKHEAD_CREDENTIAL, else the first operator's. */
  as: string | undefined
  env: NodeJS.ProcessEnv
  version: string
  /** Results only, so that scripts can read stdout whole. */
  out(text: string): void
  /** Diagnostics and warnings. */
  err(text: string): void
}

/** Options that every command has. */
export interface CommonOptions {
  data: string
  json?: boolean
  as?: string
}

/** What would act on a terminal, or turn the order of reading there: somebody may have written it into a reason or a name. */
const UNPRINTABLE = /(?![\n\t])[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

/** Prints an answer: one JSON value, or lines for people. */
export function printAnswer<Answer>(context: Context, answer: Answer, render: (answer: Answer) => string): void {
  context.out(context.json ? `${JSON.stringify(answer)}\n` : `${render(answer).trimEnd().replaceAll(UNPRINTABLE, '\ufffd')}\n`)
}

/** `error[CODE]: …` and `hint: …`; an object with `--json`. */
export function printError(context: Pick<Context, 'json' | 'err'>, error: BulkheadError): void {
  context.err(context.json ? `${JSON.stringify(error)}\n` : `error[${error.code}]: ${error.message}\nhint: ${error.hint}\n`)
}

/** A reason that was given; what looks at people does not begin without one. */
export function demandReason(reason: string | undefined): string {
  if (reason === undefined || reason.trim() === '')
    throw new BulkheadError('reason_required', 'this command goes on record with a reason, and none was given')
  return reason.trim()
}
