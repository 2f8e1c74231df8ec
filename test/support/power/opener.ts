/** `open-image.ts` from outside: a death of the process is a finding about the state that it had open. */
import { type ChildProcess, fork } from 'node:child_process'
import path from 'node:path'
import type { Known } from './open-image.ts'

const script = path.join(import.meta.dirname, 'open-image.ts')

export class Opener {
  readonly #learnt: Known[] = []
  #child: ChildProcess | undefined

  learn(more: Known): void {
    this.#learnt.push(more)
    this.#child?.send({ learn: more })
  }

  /** What does not hold on the state in `folder`. */
  open(folder: string): Promise<string[]> {
    this.#child ??= this.#start()
    const child = this.#child
    return new Promise((resolve) => {
      const onExit = (code: number | null, signal: string | null): void => {
        this.#child = undefined
        resolve([`opening it ended the process (${signal ?? code})`])
      }
      child.once('exit', onExit)
      child.once('message', (message: { problems: string[] }) => {
        child.off('exit', onExit)
        resolve(message.problems)
      })
      child.send({ folder })
    })
  }

  close(): void {
    this.#child?.kill('SIGKILL')
  }

  #start(): ChildProcess {
    const child = fork(script, [], { execArgv: ['--disable-warning=ExperimentalWarning'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    for (const more of this.#learnt) child.send({ learn: more })
    return child
  }
}
