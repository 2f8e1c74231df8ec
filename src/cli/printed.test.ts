import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import path from 'node:path'
import test from 'node:test'

const child = path.join(import.meta.dirname, 'testing-printed-child.ts')
const CHARACTERS = 3_000_000

function start() {
  const printing = spawn(process.execPath, [child, String(CHARACTERS)], { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<number | null>((resolve) => printing.on('close', resolve))
  return { printing, ended }
}

test('a long answer reaches a slow reader whole', async () => {
  const { printing, ended } = start()
  let characters = 0
  printing.stdout.setEncoding('utf8')
  for await (const part of printing.stdout) {
    characters += (part as string).length
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  assert.equal(await ended, 0)
  assert.equal(characters, CHARACTERS + 1)
})

test('a reader that goes away in the middle is no failure', async () => {
  const { printing, ended } = start()
  let said = ''
  printing.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  printing.stdout.once('data', () => printing.stdout.destroy())
  assert.equal(await ended, 0)
  assert.equal(said, '')
})
