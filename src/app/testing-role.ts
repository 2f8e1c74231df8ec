/**
 * Test support: stands in the place of a role. What it does wrong is written in a file `plan` of the data folder:
 * `{role: 'dies' | 'waits' | 'hangs' | 'meddles' | 'fails' | 'freezes'}`; `dies` does so on its first two starts, `waits` for a vault on
 * its first, `freezes` once after its start.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { RoleInit, ToChild } from './role.ts'

process.on('disconnect', () => process.exit(0))
process.on('message', (message: ToChild) => {
  if (message.type === 'stop') process.exit(0)
  if (message.type === 'ping') process.send?.({ type: 'pong' })
  if (message.type === 'init') begin(message.init as RoleInit)
})

function begin({ role, instance }: RoleInit): void {
  const { dataDir } = instance
  const plan = JSON.parse(readFileSync(path.join(dataDir, 'plan'), 'utf8')) as Record<string, string>
  const starts = path.join(dataDir, `starts-${role}`)
  appendFileSync(starts, '.')
  if (plan[role] === 'dies' && readFileSync(starts, 'utf8').length <= 2) process.kill(process.pid, 'SIGKILL')
  if (plan[role] === 'hangs') return
  if (plan[role] === 'waits' && readFileSync(starts, 'utf8').length === 1) {
    return void process.send?.({ type: 'fatal', code: 'vault_unavailable', message: 'planned' }, () => process.exit(70))
  }
  if (plan[role] === 'fails') {
    return void process.send?.({ type: 'fatal', code: 'ledger_corrupt', message: 'planned' }, () => process.exit(70))
  }
  if (plan[role] === 'freezes' && readFileSync(starts, 'utf8').length === 1) setTimeout(() => process.kill(process.pid, 'SIGSTOP'), 100)
  if (plan[role] === 'meddles') process.send?.({ type: 'request', id: 1, call: 'killRole', role: 'vault' })
  process.send?.({ type: 'ready', facts: {} })
}
