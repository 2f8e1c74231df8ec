/** `warehouse-totals.ts DIR`: opens the engine on a folder and answers one question, a line on its input. Its last line is `end`. */
import { createInterface } from 'node:readline'
import { openConnection } from '#warehouse/engine.ts'
import { TOTALS, type TotalsAsked } from './totals-question.ts'

// Killed, not ended: tearing the engine down is known to crash.
const leave = (): void => void process.kill(process.pid, 'SIGKILL')
const lines = createInterface({ input: process.stdin })
lines.on('close', leave)
const [, , dir = ''] = process.argv
const engine = openConnection(dir, 'totals', { readOnly: true, queueMax: 8 })
for await (const line of lines) {
  const { size, open } = JSON.parse(line) as TotalsAsked
  try {
    const parameters = new Map([
      ['size', String(size)],
      ['open', `[${open.join(',')}]`],
    ])
    const answer = Buffer.from(await engine.ask(TOTALS, parameters)).toString('utf8')
    process.stdout.write(`${answer.trimEnd()}\nend\n`, leave)
  } catch {
    // The missing last line says it.
    leave()
  }
}
