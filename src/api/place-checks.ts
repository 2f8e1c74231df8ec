/** Checks of files, disks, keys and backups: they work with nothing running too. */
import { DAY_MS } from '#base/clock.ts'
import { gapText } from './backup-contract.ts'
import { cannotTell, type CheckRule, type Facts, fail, type Finding, named, ok, type PlaceFacts, warn } from './facts.ts'

const HOUR_MS = 3_600_000
const DATA_DAYS = { warn: 2, fail: 14 }
const KEYS_DAYS = { warn: 2, fail: 30 }
const CERTIFICATE_DAYS_WARN = 21
const FREE_SHARE_WARN = 0.1

export const PLACE_CHECKS: readonly CheckRule[] = [
  { id: 'keys', look: ofPlace(keys) },
  { id: 'keys_disk', look: ofPlace(keysDisk) },
  { id: 'files', look: ofPlace(exposed) },
  { id: 'disk_space', look: ofPlace(diskSpace) },
  { id: 'backup_data', look: ofPlace(dataBackup) },
  { id: 'backup_keys', look: ofPlace(keyBackup) },
  { id: 'data_age', look: ofPlace(dataAge) },
  { id: 'clock', look: ofPlace(clock) },
  { id: 'certificate', look: ofPlace(certificate) },
  { id: 'ledger_gap', look: ledgerGap },
]

function ofPlace(look: (place: PlaceFacts, facts: Facts) => Finding | readonly Finding[] | undefined): CheckRule['look'] {
  return (facts) =>
    facts.place === undefined
      ? cannotTell('the folders cannot be looked at', 'Check that the data folder can be read.')
      : look(facts.place, facts)
}

function keys({ keysDir, keysPresent }: PlaceFacts): Finding {
  if (keysPresent) return ok(`in ${keysDir}`)
  return fail(
    `there is no key store in ${keysDir}: this data cannot be opened`,
    'Put the key folder back, or set BULKHEAD_KEYS to where it is; `bulkhead restore DIR --keys DIR2` takes a copy.',
  )
}

function keysDisk({ keysDir, keysPresent, keysShareDisk }: PlaceFacts): Finding | undefined {
  if (!keysPresent) return undefined
  if (!keysShareDisk) return ok('keys and data lie on different file systems')
  return warn(
    `${keysDir} lies on the file system of the data: who takes the disk takes both`,
    'Set BULKHEAD_KEYS to a folder on another disk.',
  )
}

function exposed({ exposed: list, dataDir, keysDir }: PlaceFacts): Finding {
  if (list.length === 0) return ok('data and keys are readable by their owner alone')
  const what = `others can read, or own: ${list.slice(0, 5).join(', ')}${list.length > 5 ? ` and ${list.length - 5} more` : ''}`
  return fail(what, `chmod -R go= ${dataDir} ${keysDir}, and chown them to the user that runs Bulkhead.`)
}

function diskSpace({ disks }: PlaceFacts): Finding[] {
  return disks.map(({ store, free, total }) => {
    const what = `${(free / 1e9).toFixed(1)} GB of ${(total / 1e9).toFixed(1)} GB free`
    if (free / total >= FREE_SHARE_WARN) return named(store, ok(what))
    return named(store, warn(what, `Free space where the ${store} lies; below the limit the gateway refuses traffic.`))
  })
}

function dataBackup({ backups, dataDir }: PlaceFacts, { now }: Facts): Finding {
  if (backups === undefined) return cannotTell('the key folder cannot be read', 'See the check `keys`.')
  const command = `bulkhead backup DIR --data ${dataDir}`
  if (backups.data === undefined) return warn('this data was never backed up', `Run \`${command}\`, best every night.`)
  return aged(`the last backup of the data (${backups.data.dir})`, now - backups.data.at, DATA_DAYS, command)
}

function keyBackup({ backups, dataDir }: PlaceFacts, { now }: Facts): Finding {
  if (backups === undefined) return cannotTell('the key folder cannot be read', 'See the check `keys`.')
  const command = `bulkhead backup DIR --keys DIR2 --data ${dataDir}`
  if (backups.keys === undefined) {
    return warn('the keys were never backed up: with the key folder all data would be lost', `Run \`${command}\`, DIR2 in another place.`)
  }
  const { at, dir } = backups.keys
  return aged(`the last backup of the keys (${dir})`, now - at, KEYS_DAYS, command)
}

function aged(what: string, ageMs: number, days: { warn: number; fail: number }, command: string): Finding {
  const age = ageMs < 2 * DAY_MS ? `${Math.max(0, Math.floor(ageMs / HOUR_MS))} hours` : `${Math.floor(ageMs / DAY_MS)} days`
  const text = `${what} is ${age} old`
  if (ageMs > days.fail * DAY_MS) return fail(text, `Run \`${command}\`, and see why it is not run every night.`)
  return ageMs > days.warn * DAY_MS ? warn(text, `Run \`${command}\`.`) : ok(text)
}

/** A data folder that somebody replaced by an older copy without `restore`. */
function dataAge({ newest, ledgerHead }: PlaceFacts): Finding {
  if (newest === undefined || ledgerHead === undefined)
    return cannotTell('the ledger or the key folder cannot be read', 'See the check `keys`.')
  if (newest.ledger <= ledgerHead) return ok(`the ledger has all ${ledgerHead} entries that the key folder knows of`)
  return fail(
    `the ledger ends at ${ledgerHead}, but the key folder knows of entry ${newest.ledger}: this is an older copy of the data`,
    'Stop, and bring it in with `bulkhead restore`, which records what is lost and keeps numbers from being used twice.',
  )
}

function clock({ lastWritten, clockMoved }: PlaceFacts, { now }: Facts): Finding {
  if (clockMoved === true) {
    return warn(
      'BULKHEAD_CLOCK is set: the time here is a rehearsal’s, not the system’s',
      'Start it without that variable, unless it is a drill.',
    )
  }
  const aheadMs = lastWritten - now
  if (aheadMs > 60_000) {
    const what = `files here were written ${Math.ceil(aheadMs / 60_000)} minutes in the future: the clock was set back`
    return warn(what, 'Set the clock by a time server; windows, expiries and deadlines follow it.')
  }
  if (now < Date.UTC(2024, 0, 1)) return fail('the clock shows a time before this program was written', 'Set the clock by a time server.')
  return ok('not behind what was written last')
}

function certificate({ certificate: found }: PlaceFacts, { now }: Facts): Finding | undefined {
  if (found === undefined) return undefined
  if (found === 'unreadable') return fail('the certificate of the gateway cannot be read', 'Check gateway.tls.cert in bulkhead.yaml.')
  const days = Math.floor((found.validTo - now) / DAY_MS)
  const fix = 'Renew it and start Bulkhead again; SDKs refuse an expired one.'
  if (days < 0) return fail('the certificate of the gateway has expired', fix)
  return days < CERTIFICATE_DAYS_WARN ? warn(`the certificate of the gateway expires in ${days} days`, fix) : ok(`valid for ${days} days`)
}

function ledgerGap({ gaps, gapsSigned, place }: Facts): Finding {
  if (gaps.length === 0) return ok('no restore has lost part of the ledger')
  if (!gapsSigned) {
    return fail(
      'the record of a gap in the ledger is not signed by this key store',
      'Somebody wrote it from outside: compare with a backup.',
    )
  }
  const fresh = gaps.filter(({ origin }) => !(place?.gapsAcknowledged ?? []).includes(origin))
  if (fresh.length > 0) {
    const copies = fresh.map(
      ({ entry, from, to }) => `${Math.max(to, from - 1)} entries were known of, the copy had ${from - 1} (gap ${entry})`,
    )
    return fail(
      `ROLLED BACK by a restore: ${copies.join('; ')}; disclosures may be missing from every report`,
      `Nothing brings them back; reports state it. Who knows of it says so: \`bulkhead ledger acknowledge ${fresh.at(-1)?.entry} --reason "…"\`.`,
    )
  }
  return warn(
    `a restore lost ${gaps.map(gapText).join('; ')} of the ledger: disclosures may be missing from every report`,
    'Nothing brings them back; reports state it. What vendors hold of that time has to be asked of them.',
  )
}
