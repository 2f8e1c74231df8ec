/**
 * Reads the rule pack: our own files, and those of a folder that the configuration names. A file that is wrong is refused whole,
 * with what is wrong and where; a pack that was read is one that the engine can run.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { Ajv } from 'ajv'
import { parseDocument } from 'yaml'
import { canonicalJson } from '#base/canonical-json.ts'
import { formatDay, dayOf } from '#base/clock.ts'
import { BulkheadError } from '#base/errors.ts'
import { FIELDS } from '#model/field.ts'
import { isCalendar, isZone } from './counting.ts'
import type { Elements, Regime, Rule, RulePack, Trigger } from './rule.ts'
import { type RuleFile, RuleFileSchema } from './rule-schema.ts'

const OWN_RULES = path.join(import.meta.dirname, 'rules')
const FILE_BYTES_MAX = 1024 * 1024
const FILES_MAX = 100
const HOURS_MAX = 9000
const DAYS_MAX = 800
const MONTHS_MAX = 36

type FileRegime = RuleFile['regimes'][number]
type FileRule = FileRegime['rules'][number]

const validate = new Ajv({ strict: false }).compile(JSON.parse(JSON.stringify(RuleFileSchema)))

/** Throws `rules_invalid`. `folder`: the company's own files, which may add regimes and replace ours. */
export function readRulePack(folder?: string): RulePack {
  const regimes = new Map<string, Regime>()
  const elements = new Map<string, Elements>()
  for (const files of folder === undefined ? [ownFiles()] : [ownFiles(), readFiles(folder)]) {
    for (const [name, file] of files) {
      for (const each of file.elements ?? []) {
        if (elements.has(each.id)) refuse(name, `elements ${each.id} are there already`)
        elements.set(each.id, { perhaps: [], with: [], ...each })
      }
      for (const each of file.regimes) {
        if (regimes.has(each.id) && each.replaces !== true)
          refuse(name, `the regime ${each.id} is there already; replaces: true takes its place`)
        if (!regimes.has(each.id) && each.replaces === true) refuse(name, `there is no regime ${each.id} to replace`)
        regimes.set(each.id, regimeOf(each, name))
      }
    }
  }
  checkTogether([...regimes.values()], elements)
  const version = createHash('sha256')
    .update(canonicalJson([[...regimes.values()], [...elements.values()]]))
    .digest('hex')
    .slice(0, 12)
  return { version, regimes: [...regimes.values()], elements }
}

let own: [string, RuleFile][] | undefined

/** They are part of the program: read once. */
function ownFiles(): [string, RuleFile][] {
  own ??= readFiles(OWN_RULES)
  return own
}

function readFiles(folder: string): [string, RuleFile][] {
  return filesOf(folder).map((name) => [name, readRuleFile(path.join(folder, name), name)])
}

function filesOf(folder: string): string[] {
  let names: string[]
  try {
    names = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name))
  } catch (cause) {
    throw new BulkheadError('rules_invalid', `the folder ${folder} cannot be read (${codeOf(cause)})`, { cause })
  }
  if (names.length > FILES_MAX) throw new BulkheadError('rules_invalid', `the folder ${folder} holds more than ${FILES_MAX} files of rules`)
  return names.sort()
}

function readRuleFile(file: string, name: string): RuleFile {
  let value: unknown
  try {
    if (statSync(file).size > FILE_BYTES_MAX) refuse(name, 'it is larger than 1 MiB')
    const document = parseDocument(readFileSync(file, 'utf8'), { uniqueKeys: true, prettyErrors: false })
    const [fault] = [...document.errors, ...document.warnings]
    if (fault !== undefined) refuse(name, `it cannot be read: ${fault.message.split('\n')[0]?.slice(0, 200)}`)
    // One alias of a list of aliases would be enough to fill the memory.
    value = document.toJS({ maxAliasCount: 0 })
  } catch (thrown) {
    if (thrown instanceof BulkheadError) throw thrown
    const message = thrown instanceof ReferenceError ? 'it holds aliases' : codeOf(thrown)
    throw new BulkheadError('rules_invalid', `${name} cannot be read: ${message.slice(0, 200)}`, { cause: thrown })
  }
  if (!validate(value)) {
    const [first] = validate.errors ?? []
    refuse(name, `${placeOf(first?.instancePath ?? '', value)} ${first?.message ?? 'is not as it should be'}`)
  }
  return value as RuleFile
}

/** The pointer, with the ids of what it passes. */
function placeOf(pointer: string, value: unknown): string {
  let current = value as Record<string, unknown> | undefined
  const names: string[] = []
  for (const part of pointer.split('/').slice(1)) {
    current = current?.[part] as Record<string, unknown> | undefined
    const id = typeof current?.id === 'string' ? current.id.slice(0, 64) : undefined
    names.push(/^\d+$/.test(part) ? (id ?? part) : part)
  }
  return names.length === 0 ? 'the file' : names.join(' ')
}

function regimeOf(given: FileRegime, file: string): Regime {
  const { replaces: _replaces, sectors = [], inForceFrom, inForceUntil, earlier, rules, ...rest } = given
  if (!isZone(given.zone)) refuse(file, `${given.id}: there is no zone ${given.zone.slice(0, 40)}`)
  if (!isDay(given.asOf)) refuse(file, `${given.id}: asOf is no day of the calendar`)
  const inherited = { sectors, inForceFrom, inForceUntil, earlier }
  return { ...rest, rules: rules.map((rule) => ruleOf({ ...inherited, ...withoutNothing(rule) }, given, file)) }
}

function withoutNothing(rule: FileRule): FileRule {
  return Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== undefined)) as FileRule
}

function ruleOf(given: FileRule, { id, zone, territory, establishment }: FileRegime, file: string): Rule {
  const wrong = (what: string): never => refuse(file, `${id} ${given.id}: ${what}`)
  const { amount = 0, unit, inForceFrom = null, inForceUntil = null } = given
  if ((unit === 'none') !== (given.amount === undefined)) wrong(unit === 'none' ? 'unit none has no amount' : `${unit} need an amount`)
  const most = { hours: HOURS_MAX, 'calendar-days': DAYS_MAX, 'business-days': DAYS_MAX, months: MONTHS_MAX, none: 0 }[unit]
  if (amount > most) wrong(`${amount} ${unit} are more than ${most}`)
  const needsCalendar = unit === 'business-days' || given.rollOver === true
  if (needsCalendar && given.calendar === undefined) wrong('business days and a roll-over need a calendar')
  if (given.calendar !== undefined && !isCalendar(given.calendar)) wrong(`there is no calendar of holidays ${given.calendar}`)
  for (const day of given.closedDays ?? []) if (!isDay(`2024-${day}`)) wrong(`${day} is no day of a year`)
  for (const day of [inForceFrom, inForceUntil]) if (day !== null && !isDay(day)) wrong(`${day} is no day of the calendar`)
  if (inForceFrom !== null && inForceUntil !== null && inForceFrom >= inForceUntil) wrong('it ends before it is in force')
  if (given.earlier !== undefined && inForceFrom === null) wrong('earlier says what was before inForceFrom, which is not there')
  for (const key of ['substitute', 'mail'] as const)
    if (given[key] !== undefined && given.to !== 'people') wrong(`${key} is of people who are told`)
  if (given.replacedBy !== undefined && inForceUntil === null) wrong('replacedBy needs inForceUntil')
  if (given.residentsMin !== undefined && given.residentsMax !== undefined && given.residentsMin >= given.residentsMax) {
    wrong('residentsMin is not below residentsMax')
  }
  if (given.countsParts === true && (given.residentsMin === undefined || given.countsAll === true || given.residentsMax !== undefined)) {
    wrong('countsParts is of residentsMin alone')
  }
  const { counting = 'day-after', rollOver = false, calendar = null, closedDays = [], fromYearEnd = false } = given
  const rule: Omit<Rule, 'hash'> = {
    id: given.id,
    to: given.to,
    whom: given.whom,
    trigger: given.trigger as Trigger[],
    latest: given.latest ?? false,
    firm: given.firm ?? null,
    vendorToo: given.vendorToo ?? false,
    span: { amount, unit, counting, rollOver, zone, calendar, closedDays, fromYearEnd },
    residentsMin: given.residentsMin ?? 0,
    residentsMax: given.residentsMax ?? null,
    countsAll: given.countsAll ?? false,
    countsParts: given.countsParts ?? false,
    elements: given.elements ?? null,
    assessment: given.assessment ?? null,
    insteadOf: given.insteadOf ?? null,
    endedBy: (given.endedBy as Trigger | undefined) ?? (given.to === 'people' ? 'people-notified' : null),
    sectors: given.sectors ?? [],
    roles: { any: given.roles?.any ?? [], none: given.roles?.none ?? [] },
    inForceFrom,
    inForceUntil,
    replacedBy: given.replacedBy ?? null,
    earlier: given.earlier ?? 'none',
    wording: given.wording,
    delay: given.delay ?? '',
    substitute: given.substitute ?? '',
    mail: given.mail ?? '',
    notes: given.notes ?? [],
  }
  const { wording: _wording, delay: _delay, substitute: _substitute, mail: _mail, notes: _notes, ...rest } = rule
  const { whom: _whom, replacedBy: _replacedBy, earlier, countsParts, ...decides } = rest
  // Rules of before those fields were there keep their hash.
  const used = { ...(earlier !== 'none' && { earlier }), ...(countsParts && { countsParts }) }
  const hash = createHash('sha256')
    .update(canonicalJson({ ...decides, ...used, territory, establishment }))
    .digest('hex')
  return { ...rule, hash }
}

/** What names something else names something that is there, and no chain comes back to itself. */
function checkTogether(regimes: readonly Regime[], elements: ReadonlyMap<string, Elements>): void {
  const rules = new Map<string, Rule>()
  for (const regime of regimes) {
    for (const rule of regime.rules) {
      if (rules.has(rule.id)) refuse(regime.id, `there are two rules ${rule.id}`)
      rules.set(rule.id, rule)
    }
    checkVersions(regime)
  }
  for (const { id, fields, perhaps, with: beside } of elements.values()) {
    const unknown = [...fields, ...perhaps, ...beside].find((field) => !Object.hasOwn(FIELDS, field))
    if (unknown !== undefined) refuse(id, `there is no field ${unknown}`)
  }
  for (const rule of rules.values()) {
    const named = [...rule.trigger, rule.endedBy ?? ''].filter((each) => each.startsWith('done:')).map((each) => each.slice(5))
    const missing = [...named, rule.insteadOf ?? ''].find((each) => each !== '' && !rules.has(each))
    if (missing !== undefined) refuse(rule.id, `there is no rule ${missing}`)
    if (rule.elements !== null && !elements.has(rule.elements)) refuse(rule.id, `there are no elements ${rule.elements}`)
    if (leadsTo(rule, rule.id, rules, new Set())) refuse(rule.id, 'its triggers come back to itself')
  }
}

/** An earlier version ends on the day on which the next begins: no date has two rules, and none falls between. */
function checkVersions({ rules }: Regime): void {
  for (const { id, replacedBy, inForceUntil } of rules) {
    if (replacedBy === null) continue
    const next = rules.find((rule) => rule.id === replacedBy)
    if (next === undefined) refuse(id, `there is no rule ${replacedBy} in its regime that could replace it`)
    if (next.inForceFrom !== inForceUntil) refuse(id, `it ends on ${inForceUntil}, and ${replacedBy} is in force from ${next.inForceFrom}`)
    if (next.earlier !== 'none') refuse(replacedBy, `what was earlier is known: ${id}`)
    if (rules.some((other) => other.id !== id && other.replacedBy === replacedBy)) refuse(replacedBy, 'two rules are replaced by it')
  }
}

function leadsTo(from: Rule, target: string, rules: ReadonlyMap<string, Rule>, seen: Set<string>): boolean {
  for (const trigger of from.trigger) {
    const id = trigger.startsWith('done:') ? trigger.slice(5) : undefined
    if (id === target) return true
    const next = id === undefined || seen.has(id) ? undefined : rules.get(id)
    if (next !== undefined && leadsTo(next, target, rules, seen.add(next.id))) return true
  }
  return false
}

function isDay(text: string): boolean {
  const at = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(at) && formatDay(dayOf(at)) === text
}

function codeOf(thrown: unknown): string {
  return (thrown as NodeJS.ErrnoException).code ?? 'unknown error'
}

function refuse(where: string, what: string): never {
  throw new BulkheadError('rules_invalid', `${where}: ${what}`)
}
