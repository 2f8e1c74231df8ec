/** `doctor`: asks what runs, or looks at what lies there when nothing does. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { type Doctor, ROUTES } from '#api/contract.ts'
import { report } from '#api/doctor.ts'
import type { Check } from '#api/facts.ts'
import { readConfig } from '#app/config.ts'
import { type Instance, openInstance, readRun } from '#app/instance.ts'
import { placeFacts } from '#app/place-facts.ts'
import { toBulkheadError } from '#base/errors.ts'
import { openLedgerReader } from '#ledger/ledger-reader.ts'
import type { Config } from '#model/config.ts'
import type { Gap } from '#model/disclosure.ts'
import { openRecordsReader } from '#records/records.ts'
import { vendorNames } from '#vendors/register.ts'
import { type Context, printAnswer } from './context.ts'
import { renderDoctor } from './render.ts'
import { openClient } from './staff-client.ts'

/** The exit code. */
export async function doctorCommand(context: Context): Promise<number> {
  const instance = openInstance({ dataDir: context.dataDir, create: false, env: context.env })
  const run = readRun(instance.dataDir)
  const answer =
    run === undefined ? examineStopped(context, instance) : await openClient(run.consoleUrl, instance, context).get<Doctor>(ROUTES.doctor)
  printAnswer(context, answer, renderDoctor)
  return answer.ok ? 0 : 1
}

function examineStopped(context: Context, instance: Instance): Doctor {
  const further: Check[] = []
  const config = attempt(further, 'configuration', () => configOf(context))
  const ledger = attempt(further, 'ledger', () => readLedger(instance))
  const records = attempt(further, 'records', () => readRecords(instance, config))
  const place = placeFacts(instance, { config: config ?? NO_CONFIG, ledgerHead: ledger?.head })
  const facts = {
    now: Date.now(),
    isRunning: false,
    config: config ?? NO_CONFIG,
    place,
    roles: undefined,
    gateway: undefined,
    worker: undefined,
    vault: undefined,
    warehouseRows: undefined,
    policy: records?.policy,
    vendors: records?.vendors ?? [],
    gaps: ledger?.gaps ?? [],
    // Only the vault can tell; it is asked when it runs.
    gapsSigned: true,
  }
  const about = { version: context.version, instance: instance.instanceId, keys: null, startedAt: undefined }
  return report(facts, about, further)
}

const NO_CONFIG: Pick<Config, 'sources' | 'vendors' | 'gateway'> = { sources: [], vendors: [], gateway: { tls: undefined, trustProxy: [] } }

/** What cannot be read is a finding, and the rest is looked at all the same. */
function attempt<Value>(further: Check[], id: string, read: () => Value): Value | undefined {
  try {
    return read()
  } catch (thrown) {
    const error = toBulkheadError(thrown)
    // The configuration may need variables that only the service's own environment has.
    const state = id === 'configuration' || error.code === 'not_running' ? 'cannot_tell' : 'fail'
    further.push({ id, state, what: `${error.code}: ${error.message}`, fix: error.hint })
    return undefined
  }
}

function configOf({ env }: Context): Config {
  const file = env.BULKHEAD_CONFIG ?? (existsSync('bulkhead.yaml') ? path.resolve('bulkhead.yaml') : undefined)
  return readConfig({ ...(file === undefined ? {} : { file }), env })
}

function readLedger(instance: Instance): { head: number; gaps: Gap[] } {
  const reader = openLedgerReader({ dir: instance.ledgerDir })
  try {
    return { head: reader.head(), gaps: reader.gaps() }
  } finally {
    reader.close()
  }
}

function readRecords(instance: Instance, config: Config | undefined) {
  const records = openRecordsReader({ path: instance.recordsPath })
  try {
    const vendors = vendorNames(records, config?.vendors ?? []).map((vendor) => ({ vendor, state: records.flow(vendor).state }))
    return { policy: records.currentPolicy(), vendors }
  } finally {
    records.close()
  }
}
