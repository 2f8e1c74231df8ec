/** What every command line has to keep to, and where it is told how to do so. */
import { type Command, InvalidArgumentError, type Option } from 'commander'
import { BulkheadError, ERRORS } from '#base/errors.ts'

/**
 * An option that says one thing is refused when it is given twice: the parser would take the last one without a word, and a second
 * `--file` or another `--told` is a mistake that somebody has to hear of. Options that collect their values are left.
 */
export function demandOnce(command: Command): void {
  for (const option of command.options) if (option.required || option.optional) refuseSecond(option)
  for (const inner of command.commands) demandOnce(inner)
}

function refuseSecond(option: Option): void {
  if (option.variadic) return
  const parse = option.parseArg
  let isGiven = false
  option.argParser((value: string, before: unknown) => {
    const parsed: unknown = parse === undefined ? value : parse(value, before)
    if (isGiven && !Array.isArray(parsed)) throw new InvalidArgumentError('It is given twice.')
    isGiven = true
    return parsed
  })
}

/** Where the options stand of the command that was meant. */
export function usageHint(root: Command, argv: readonly string[]): string | undefined {
  const words: string[] = []
  let command = root
  for (const word of argv) {
    const inner = command.commands.find((each) => each.name() === word)
    if (inner === undefined) break
    words.push(word)
    command = inner
  }
  if (words.length === 0) return undefined
  return `Run \`bulkhead ${words.join(' ')} --help\` for ${command.commands.length > 0 ? 'its commands' : 'its options'}.`
}

/** What a command itself refuses says so too, unless it knows better. */
export function withUsageHint(thrown: unknown, hint: string | undefined): unknown {
  if (!(thrown instanceof BulkheadError) || thrown.code !== 'bad_usage' || thrown.hint !== ERRORS.bad_usage.hint) return thrown
  return new BulkheadError('bad_usage', thrown.message, { hint, cause: thrown })
}
