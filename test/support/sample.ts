/**
 * One small history that touches every store: people by browser, server and directory, approved and waiting text, groups,
 * profiles, a merge, a look, a cut vendor with held events, a restart, and a request that a vendor never answered. It is
 * made through the outside of the program only, so an older commit can be told to write it.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { MixpanelCloud } from '#drill/mixpanel-cloud.ts'
import { type CommandResult, delay, type Program, waitUntil } from '#drill/program.ts'
import { LOGIN, TOKENS } from './config.ts'
import { formBody, postEvents, send, type TestEvent } from './gateway-client.ts'
import { eventsOf } from './vendor.ts'

const DESTINATION = `protocol: mixpanel
        token: ${TOKENS.vendor}
        credentials: {serviceAccount: {user: ${LOGIN.user}, secret: sample-secret, projectId: "${LOGIN.projectId}"}}
        events: {approved: [Opened, Paid]}
        properties: {approved: [plan, n]}`

export function sampleConfig(vendorUrl: string): string {
  return `sources:
  - {id: web, protocol: mixpanel, token: ${TOKENS.browser}, trust: browser, surface: site}
  - {id: backend, protocol: mixpanel, token: ${TOKENS.server}, trust: server, surface: api}
vendors:
  - id: mixpanel
    destinations:
      - id: mixpanel
        url: ${vendorUrl}
        ${DESTINATION}
  - id: second
    destinations:
      - id: second-eu
        url: ${vendorUrl}
        ${DESTINATION}
`
}

/** Of whom `who` is asked before and after. The last one is known, and nothing about them was sent. */
export const SAMPLE_QUERIES = ['one@mail.example', 'u-2', 'u-4', 'three@mail.example']

/** Requests that reached the vendors' one cloud and were answered well by the end of the writing. */
export interface Written {
  who: Record<string, unknown>
  affected: unknown
}

/** Writes the history with a running program, which it stops at the end with one request unanswered. */
export async function writeSample(program: Program, vendor: MixpanelCloud): Promise<Written> {
  const run = async (...args: string[]): Promise<CommandResult> => {
    const result = await program.cli(args)
    if (result.code !== 0) throw new Error(`${args.join(' ')}: ${result.stderr}`)
    return result
  }
  const post = async (token: string, events: readonly TestEvent[]): Promise<void> => {
    const answer = await postEvents(program.gatewayUrl, token, events)
    if (answer.body !== '1') throw new Error(`the gateway answered ${answer.status}: ${answer.body}`)
  }
  const profiles = async (route: string, records: readonly unknown[]): Promise<void> => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await send(`${program.gatewayUrl}${route}`, { headers, body: formBody(records) })
    if (answer.status !== 200) throw new Error(`the gateway answered ${answer.status}: ${answer.body}`)
  }
  const vendorHas = (event: string, count: number): Promise<void> =>
    waitUntil(`${count} ${event} at the vendors`, () => eventsOf(vendor.loot()).filter((row) => row.event === event).length >= count)

  const csv = path.join(program.folder, 'users.csv')
  const rows = ['u-1,one@mail.example,One Person,org-1', 'u-2,two@mail.example,Two Person,org-1', 'u-3,three@mail.example,Three,org-2']
  writeFileSync(csv, `id,email,name,company\n${rows.join('\n')}\n`)
  await run('directory', 'import', csv, '--reason', 'sample')

  await post(TOKENS.server, [
    { event: 'Opened', properties: { distinct_id: 'u-1', n: 1, plan: 'pro', company: 'org-1', $insert_id: 'sample-1' } },
    { event: 'Opened', properties: { distinct_id: 'u-2', n: 2, note: 'text that nobody approved', $insert_id: 'sample-2' } },
    { event: 'Nobody approved this name', properties: { distinct_id: 'u-1', n: 3, $insert_id: 'sample-3' } },
  ])
  await post(TOKENS.browser, [
    { event: 'Opened', properties: { distinct_id: '$device:d-1', $device_id: 'd-1', n: 4, $insert_id: 'sample-4', $browser: 'Firefox' } },
    { event: '$identify', properties: { distinct_id: 'u-4', $user_id: 'u-4', $anon_distinct_id: '$device:d-1', $insert_id: 'sample-5' } },
    { event: 'Paid', properties: { distinct_id: 'u-4', $user_id: 'u-4', $device_id: 'd-1', n: 6, plan: 'pro', $insert_id: 'sample-6' } },
  ])
  await profiles('/engage', [{ $token: TOKENS.server, $distinct_id: 'u-1', $set: { plan: 'pro', $email: 'one@mail.example' } }])
  await profiles('/groups', [{ $token: TOKENS.server, $group_key: 'company', $group_id: 'org-1', $set: { plan: 'pro' } }])
  await vendorHas('Opened', 6)
  await vendorHas('Paid', 2)

  await run('vendor', 'cut', 'second', '--reason', 'sample')
  await post(TOKENS.server, [{ event: 'Paid', properties: { distinct_id: 'u-2', n: 7, $insert_id: 'sample-7' } }])
  await vendorHas('Paid', 3)
  await program.stop()
  await program.restart()

  const who: Record<string, unknown> = {}
  await waitUntil('the warehouse has what was sent', async () => {
    const doctor = await program.cli(['doctor', '--json'])
    const { events } = JSON.parse(doctor.stdout) as { events: { warehouse: number } }
    return events.warehouse >= 7
  })
  for (const query of SAMPLE_QUERIES) who[query] = JSON.parse((await run('who', query, '--reason', 'sample', '--json')).stdout)
  const affected: unknown = JSON.parse((await run('incident', 'affected', '--vendor', 'mixpanel', '--json')).stdout)

  vendor.faults.choose(() => ({ kind: 'hang' }))
  await post(TOKENS.server, [{ event: 'Paid', properties: { distinct_id: 'u-1', n: 8, $insert_id: 'sample-8' } }])
  await waitUntil('a request hangs at the vendor', () => vendor.faults.hung > 0)
  await program.stop()
  await delay(50)
  return { who, affected }
}
