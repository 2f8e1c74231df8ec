/** The mail server of a test, see `mail-server-main.ts`. */
import { fork } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import type { TestContext } from 'node:test'

export interface TakenMail {
  messageId: string
  to: string
  /** False: the answer was lost. */
  isAnswered: boolean
}

export interface MailServer {
  folder: string
  port: number
  taken(): TakenMail[]
  /** About how many it has taken, by the size of its list: cheaper than to read it. */
  count(): number
}

/** A Message-ID, an address, a word. */
const LINE_BYTES = 88

export async function startMailServer(t: TestContext, folder: string, faults: object = {}): Promise<MailServer> {
  mkdirSync(folder, { recursive: true })
  const main = path.join(import.meta.dirname, 'mail-server-main.ts')
  const child = fork(main, [folder], {
    env: { PATH: process.env.PATH ?? '', MAIL_FAULTS: JSON.stringify(faults) },
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  t.after(() => child.kill('SIGKILL'))
  const port = await new Promise<number>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the mail server ended with ${code}`)))
    child.stdout?.setEncoding('utf8').once('data', (text: string) => resolve(Number(text)))
  })
  const file = path.join(folder, 'taken.txt')
  const lines = (): string[] => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [])
  return {
    folder,
    port,
    taken: () =>
      lines().map((line) => {
        const [messageId = '', to = '', answer] = line.split(' ')
        return { messageId, to, isAnswered: answer === 'answered' }
      }),
    count: () => (existsSync(file) ? Math.floor(statSync(file).size / LINE_BYTES) : 0),
  }
}
