/** What the files of commands (`*-program.ts`) are made with. */
import type { Command } from 'commander'
import type { CommonOptions, Context } from './context.ts'

export interface Parts {
  /** Data folder and `--json`. Without `--as`, for a command that means something else by it. */
  placed(command: Command): Command
  /** What every command has. */
  common(command: Command): Command
  /** `--reason`; needed where looking is on record. */
  reason(command: Command, needed: boolean): Command
  contextOf(options: CommonOptions): Context
}
