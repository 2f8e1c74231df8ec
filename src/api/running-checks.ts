/** Checks of what runs, from what each part says of itself. */
import { DAY_MS } from '#base/clock.ts'
import { ERRORS, isErrorCode } from '#base/errors.ts'
import { isJsonObject } from '#model/json.ts'
import { KEY_BACKUP_DAYS } from '#vault/port.ts'
import { type CheckRule, type Facts, fail, type Finding, named, ok, warn } from './facts.ts'

const LAG_ENTRIES_WARN = 10_000
const GRANT_DAYS_WARN = 14
const RESTARTS_MANY = 5

export const RUNNING_CHECKS: readonly CheckRule[] = [
  { id: 'processes', needs: 'processes', look: processes },
  { id: 'gateway', needs: 'gateway', look: () => ok('answers') },
  { id: 'worker', needs: 'worker', look: () => ok('answers') },
  { id: 'vault', needs: 'vault', look: () => ok('answers') },
  { id: 'warehouse', needs: 'warehouse', look: () => ok('answers') },
  { id: 'disk', needs: 'gateway', look: disk },
  { id: 'reserve', needs: 'worker', look: reserve },
  { id: 'held', needs: 'worker', look: heldInWarehouse },
  { id: 'unknown_tokens', needs: 'gateway', look: unknownTokens },
  { id: 'dropped', needs: 'gateway', look: dropped },
  { id: 'quotas', needs: 'gateway', look: overQuota },
  { id: 'failures', needs: 'gateway', look: failures },
  { id: 'traffic', needs: 'gateway', look: traffic },
  { id: 'destination', needs: 'worker', look: destinations },
  { id: 'load', needs: 'worker', look: loaders },
  { id: 'warehouse_rows', needs: 'warehouse', look: warehouseRows },
  { id: 'ledger_tree', needs: 'worker', look: ledgerTree },
  { id: 'erasures', needs: 'vault', look: erasures },
  { id: 'incidents', needs: 'vault', look: incidents },
  { id: 'root_key', needs: 'vault', look: rootKey },
  { id: 'key_copies', needs: 'vault', look: keyCopies },
  { id: 'vendors', look: vendors },
  { id: 'policy', look: policy },
  { id: 'grants', look: grants },
  { id: 'approvals', look: waitingApprovals },
]

function processes({ roles = [] }: Facts): Finding {
  const unready = roles.filter((role) => role.state !== 'ready')
  if (unready.length > 0) {
    const said = unready.map(({ role, failures: ends = 0, fault }) => {
      const why = fault === undefined ? '' : `: ${fault.code}: ${fault.message}`
      return ends > 1 ? `${role} (ended ${ends} times in a row${why})` : `${role}${why}`
    })
    const code = unready.map(({ fault }) => fault?.code).find(isErrorCode)
    const wait = 'Wait a moment; then read their lines of the diagnostics.'
    return fail(`not ready: ${said.join(', ')}`, code === undefined ? wait : `${ERRORS[code].hint} It is started again by itself.`)
  }
  const restarted = roles.filter((role) => role.restarts > 0)
  if (restarted.length === 0) return ok(`all ${roles.length} ready`)
  const text = `all ready; started again: ${restarted.map((role) => `${role.role} ${role.restarts} times`).join(', ')}`
  if (restarted.some((role) => role.restarts >= RESTARTS_MANY)) {
    return warn(text, 'Something ends them again and again: read why in the diagnostics, and give the machine memory if it was SIGKILL.')
  }
  return warn(text, 'Read why they ended in the diagnostics.')
}

function waitingApprovals({ waiting = [] }: Facts): Finding | undefined {
  if (waiting.length === 0) return undefined
  const which = `proposal${waiting.length === 1 ? '' : 's'} ${waiting.join(', ')}`
  return warn(`${which}: not in force, somebody else has to agree`, 'See `bulkhead approval list`; approve or reject.')
}

function disk({ gateway }: Facts): Finding {
  if (gateway?.diskLow !== true) return ok('enough free space')
  const short = Array.isArray(gateway.short) && gateway.short.length > 0 ? gateway.short.map(String).join('; ') : 'too little free space'
  return fail(`nothing is accepted until there is room: ${short}`, 'Free space there, or see why the log is not taken.')
}

/** Space set aside that is in use: nothing is sent to vendors or loaded until it is whole again. */
/** A destination that stayed away for longer than the log waits gets the rest from the warehouse. */
function heldInWarehouse({ worker }: Facts): Finding[] {
  const held = Array.isArray(worker?.held) ? worker.held.filter(isJsonObject) : []
  return held
    .filter(({ records }) => Number(records) > 0)
    .map(({ destination, records }) =>
      named(
        String(destination),
        warn(
          `about ${Number(records)} records are kept for it in the warehouse, no longer in the log`,
          'Nothing: they are sent, oldest first, when the vendor can be reached and is not cut.',
        ),
      ),
    )
}

function reserve({ worker }: Facts): Finding | undefined {
  if (worker?.reserve !== 'in use') return undefined
  return warn('the space set aside is in use: nothing new is sent or loaded', 'Free space on the disk of the data folder.')
}

function unknownTokens({ gateway }: Facts): Finding | undefined {
  const unknown = gateway?.unknownTokens
  if (!isJsonObject(unknown) || Number(unknown.count) === 0) return undefined
  const tokens = Array.isArray(unknown.tokens) ? unknown.tokens.flatMap((entry) => (isJsonObject(entry) ? [String(entry.token)] : [])) : []
  const shown = tokens.length > 0 ? ` (${tokens.slice(0, 5).join(', ')})` : ''
  const what = `dropped for an unknown token: ${Number(unknown.count)}${shown}`
  return warn(what, 'Add the token to `sources` in bulkhead.yaml, or correct it in the SDK that sends it.')
}

function dropped({ gateway }: Facts): Finding | undefined {
  const reasons = isJsonObject(gateway?.records) && isJsonObject(gateway.records.dropped) ? Object.entries(gateway.records.dropped) : []
  const others = reasons.filter(([reason]) => reason !== 'unknown_token').map(([reason, count]) => `${reason} ${Number(count)}`)
  if (others.length === 0) return undefined
  return warn(`records not kept: ${others.join(', ')}`, 'docs/configuration.md says what each reason means.')
}

/** What was refused for want of quota, by configured names only. */
function overQuota({ gateway }: Facts): Finding | undefined {
  const quotas = gateway?.quotas
  const refused = isJsonObject(quotas) && Array.isArray(quotas.refused) ? quotas.refused.filter(isJsonObject) : []
  const findings = refused.map(
    ({ source, scope, what, count }) => `${`${String(source)} ${String(scope)} ${String(what)}`.trim()} ${Number(count)}`,
  )
  const newcomers = Number(gateway?.refusedNewcomers ?? 0)
  if (newcomers > 0) findings.push(`new ids not taken ${newcomers}`)
  if (findings.length === 0) return undefined
  return warn(`over quota: ${findings.join(', ')}`, 'If this was no attack, raise `limits` of the source in bulkhead.yaml.')
}

function failures({ gateway }: Facts): Finding | undefined {
  const stages = isJsonObject(gateway?.failures) ? Object.entries(gateway.failures).filter(([, count]) => Number(count) > 0) : []
  if (stages.length === 0) return undefined
  const counted = stages.map(([stage, count]) => `${stage} ${Number(count)}`).join(', ')
  const what = `requests were answered "try again" since the start: ${counted}`
  return warn(what, 'SDKs repeat them. Read the gateway lines of the diagnostics for the cause.')
}

function traffic({ gateway }: Facts): Finding {
  const kept = isJsonObject(gateway?.records) ? Number(gateway.records.kept) : 0
  if (kept > 0) return ok(`${kept} records accepted since the start`)
  return warn('no record was accepted since the start', 'Point an SDK at the gateway: `api_host` in the browser, `host` on a server.')
}

/** `status()` of the worker: a destination that is blocked or failed stands still until somebody acts. */
function destinations({ worker }: Facts): Finding[] {
  const forwarders = Array.isArray(worker?.forwarders) ? worker.forwarders.filter(isJsonObject) : []
  return forwarders.map((forwarder) => {
    const which = `${String(forwarder.vendor)}/${String(forwarder.destination)}`
    const why = typeof forwarder.reason === 'string' ? ` (${forwarder.reason})` : ''
    const what = `${String(forwarder.state)}${why}, ${Number(forwarder.lag)} log entries behind`
    if (forwarder.state === 'blocked')
      return named(which, fail(what, 'The vendor refuses the credentials: correct them in bulkhead.yaml and start again.'))
    if (forwarder.state === 'failed') return named(which, fail(what, 'Read the worker lines of the diagnostics.'))
    if (forwarder.state === 'retrying')
      return named(which, warn(what, 'Nothing: the vendor does not answer as it should, and it is tried again.'))
    if (forwarder.state === 'running' && Number(forwarder.lag) > LAG_ENTRIES_WARN)
      return named(which, warn(what, 'It is slower than the traffic. See whether the vendor limits the rate.'))
    return named(which, ok(what))
  })
}

function loaders({ worker }: Facts): Finding[] {
  const loading = Array.isArray(worker?.loaders) ? worker.loaders.filter(isJsonObject) : []
  return loading.map((loader) => {
    const which = String(loader.table)
    const what = `${Number(loader.lag)} behind${Number(loader.failures) > 0 ? `, ${Number(loader.failures)} failures in a row` : ''}`
    if (Number(loader.failures) > 0) return named(which, fail(what, 'Read the warehouse and worker lines of the diagnostics.'))
    if (Number(loader.lag) > LAG_ENTRIES_WARN)
      return named(which, warn(what, 'It is slower than the traffic; answers wait until it has caught up.'))
    return named(which, ok(what))
  })
}

/** Rows that were loaded and are there no more: somebody removed the folder, or the engine lost parts. */
function warehouseRows({ worker, warehouseRows: rows = 0 }: Facts): Finding | undefined {
  const events = Array.isArray(worker?.loaders)
    ? worker.loaders.filter(isJsonObject).find((loader) => loader.table === 'events')
    : undefined
  if (events === undefined) return undefined
  const logHead = Number(worker?.logHead)
  if (rows > 0 || logHead === 0 || Number(events.lag) > 0) return ok(`${rows} events`)
  return warn(
    'the log was loaded and the warehouse holds no event',
    'Start again: what the log still has is loaded anew; else restore a backup.',
  )
}

/** Entries are proved from the tree on; while one is missing there, nobody whom it names is erased. */
function ledgerTree({ worker }: Facts): Finding | undefined {
  const { tree, ledgerHead } = worker ?? {}
  if (!isJsonObject(tree)) return undefined
  const [size, head] = [Number(tree.size), Number(ledgerHead)]
  const covers = `the signed tree covers ${size} of ${head} entries`
  if (tree.state === 'broken')
    return fail(`${covers}, and does not grow: ${String(tree.reason)}`, '`bulkhead ledger verify` names what does not fit.')
  if (tree.state === 'waiting') return warn(`${covers}, and waits: ${String(tree.reason)}`, 'It goes on by itself; erasures wait for it.')
  if (tree.state === 'building') {
    const share = head === 0 ? '' : ` (${Math.floor((100 * size) / head)} %)`
    return warn(`${covers}${share}; the rest is being added`, 'Nothing: erasures wait until it has caught up.')
  }
  return ok(covers)
}

function erasures({ vault }: Facts): Finding | undefined {
  const { open = 0, due = 0, holds = 0 } = vault?.erasures ?? {}
  if (open + due + holds === 0) return undefined
  const what = `erasures not done: ${open}; deletions due at vendors: ${due}; holds open: ${holds}`
  if (open + due === 0) return ok(what)
  const why = holds > 0 ? '`bulkhead hold list` says what holds them up.' : 'It goes on by itself; read the staff lines of the diagnostics.'
  return warn(what, due > 0 && open === 0 ? 'A vendor without `deletionToken` is not asked; else it is asked again by itself.' : why)
}

function incidents({ incidents: known }: Facts): Finding | undefined {
  if (known === undefined) return undefined
  const { brokenSignals = [] } = known
  if (brokenSignals.length > 0) {
    return fail(
      `signals ${brokenSignals.join(', ')} are not as they were signed`,
      'Restore records.db from a backup, and find out who wrote to it.',
    )
  }
  if (known.open.length + known.broken.length === 0) return undefined
  const open = `open: ${known.open.join(', ') || 'none'}`
  if (known.broken.length === 0) return ok(`${open}; the record of each is as it was signed`)
  return fail(
    `${open}; the record of ${known.broken.join(', ')} is not as it was signed`,
    '`bulkhead incident show ID` names the rows; restore records.db from a backup.',
  )
}

function rootKey({ vault, now }: Facts): Finding | undefined {
  if (vault === undefined) return undefined
  const { rotatedAt, rotating, wrap } = vault.root
  const under = wrap === 'file' ? 'a key in the key folder' : 'the key service'
  const days = rotatedAt === null ? undefined : Math.floor((now - rotatedAt) / DAY_MS)
  const what = `${days === undefined ? 'of unknown age' : `${days} days old`}, wrapped by ${under}${rotating ? ', being rotated' : ''}`
  if (rotating || (days !== undefined && days <= KEY_BACKUP_DAYS)) return ok(what)
  return warn(what, 'It rotates by itself once the clock has run steadily for a day; `bulkhead keys rotate root` does it now.')
}

/** Copies of keys that should be gone keep erased people readable. */
function keyCopies({ vault, now }: Facts): Finding | undefined {
  const copies = vault?.keyBackups ?? []
  if (copies.length === 0) return undefined
  const old = copies.filter(({ at }) => now - at > (KEY_BACKUP_DAYS + 1) * DAY_MS)
  if (old.length === 0) return ok(`${copies.length} kept, none older than ${KEY_BACKUP_DAYS} days`)
  const what = `${old.length} older than ${KEY_BACKUP_DAYS} days: ${old.map(({ dir }) => dir).join(', ')}`
  return fail(what, 'They cannot be reached or are not as they were made: remove them by hand. Who was erased is readable from them.')
}

function vendors({ vendors: known }: Facts): Finding {
  const cut = known.filter((vendor) => vendor.state === 'cut').map((vendor) => vendor.vendor)
  if (cut.length > 0) return warn(`cut: ${cut.join(', ')}`, '`bulkhead vendor restore V` opens the flow again.')
  if (known.length === 0) return ok('none configured: nothing leaves')
  const left = known.filter(({ state }) => state === 'retired').length
  return ok(`${known.length}, none cut${left === 0 ? '' : `, ${left} left for good`}`)
}

function policy({ policy: applied, config }: Facts): Finding {
  if (applied === undefined) return fail('no policy is applied', 'Start Bulkhead: the configured policy is applied then.')
  const inForce = new Set(applied.policy.destinations.map((entry) => entry.destination))
  const pending = config.vendors.flatMap(({ destinations: each }) => each.map(({ id }) => id)).filter((id) => !inForce.has(id))
  if (pending.length > 0) return warn(`configured and not in the policy in force: ${pending.join(', ')}`, 'Start Bulkhead again.')
  return ok(`version ${applied.version} is in force`)
}

/** A grant that runs out narrows the flow by itself, which somebody may miss in the data. */
function grants({ policy: applied, now }: Facts): Finding | undefined {
  const ending = (applied?.policy.destinations ?? []).flatMap(({ destination, grants: given }) =>
    given.flatMap(({ field, until }) => {
      if (typeof until !== 'number' || until - now > GRANT_DAYS_WARN * DAY_MS) return []
      return [`${destination} ${field} ${until <= now ? 'ended' : 'ends'} ${new Date(until).toISOString().slice(0, 10)}`]
    }),
  )
  if (ending.length === 0) return undefined
  return warn(ending.join('; '), 'Give the grant a later `until` in bulkhead.yaml, or leave it: the field is withheld from then on.')
}
