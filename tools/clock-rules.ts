/** Writes docs/clock-rules.md, the rules of the pack as tables, from the pack; a test compares the file with what this would write. */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { periodText } from '#api/clock-shown.ts'
import { readRulePack } from '#clocks/rule-pack.ts'
import type { Regime, Rule, RulePack } from '#clocks/rule.ts'

export const CLOCK_RULES_FILE = path.join(path.dirname(import.meta.dirname), 'docs', 'clock-rules.md')

export function clockRulesText(pack: RulePack = readRulePack()): string {
  const rules = pack.regimes.reduce((sum, regime) => sum + regime.rules.length, 0)
  return `${[
    '# Rules of legal clocks',
    '',
    `Made from the rule pack (\`src/clocks/rules\`, version ${pack.version}): ${pack.regimes.length} regimes, ${rules} rules. Do not edit it; \`node bin/bulkhead.mjs --run tools/clock-rules.ts\` writes it.`,
    'Research with sources, not legal advice. [How to read a clock](clocks.md).',
    ...[...pack.regimes].sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap(regimeText),
    '',
    '## Kinds of data that laws list',
    '',
    ...[...pack.elements.values()].map(({ id, words }) => `- \`${id}\`: ${words}.`),
  ].join('\n')}\n`
}

function regimeText(regime: Regime): string[] {
  const { id, name, law, status, threshold, zone, territory, confidence, asOf, sources, unverified, rules } = regime
  const notVerified = unverified.length === 0 ? '' : ` Not verified: ${unverified.join('; ')}.`
  const where = territory.length === 0 ? 'no territory: by sector' : territory.join(', ')
  return [
    '',
    `## ${name} (\`${id}\`)`,
    '',
    `${law.replace(/\.$/, '')}. ${sentence(status)} Threshold: ${sentence(threshold)} Residents of: ${where}; days of ${zone}.`,
    `Confidence ${confidence}, as of ${asOf}. Sources: ${sources.join('; ')}.${notVerified}`,
    '',
    '| rule | to | period | from | when | wording |',
    '|---|---|---|---|---|---|',
    ...rules.map((rule) => `| ${ruleCells(rule).map(cell).join(' | ')} |`),
  ]
}

function ruleCells(rule: Rule): string[] {
  const { id, to, whom, span, trigger, firm, vendorToo, latest, wording, delay, notes } = rule
  const from = [
    `${trigger.join(' or ')}${latest ? ' (the latest)' : ''}`,
    ...(firm === null ? [] : [`firm from ${firm}`]),
    ...(vendorToo ? ['also from what the vendor knew'] : []),
  ]
  return [
    `\`${id}\``,
    `${to}: ${whom}`,
    periodText(span),
    from.join('; '),
    whenText(rule),
    [wording, ...(delay === '' ? [] : [`delay: ${delay}`]), ...notes].join('. '),
  ]
}

function whenText({
  residentsMin,
  residentsMax,
  countsAll,
  countsParts,
  elements,
  assessment,
  insteadOf,
  sectors,
  roles,
  inForceFrom,
  inForceUntil,
  replacedBy,
  earlier,
}: Rule): string {
  const until = `${assessment?.until === 'runs' ? 'taken as yes' : 'open'} until assessed`
  const people = countsAll ? 'people in all' : countsParts ? 'residents of one state' : 'residents'
  return [
    ...(inForceFrom === null ? [] : [`in force from ${inForceFrom}${earlier === 'none' ? '' : ' (used before too)'}`]),
    ...(inForceUntil === null ? [] : [`in force until ${inForceUntil}${replacedBy === null ? '' : `, then ${replacedBy}`}`]),
    ...(sectors.length === 0 ? [] : [`sectors ${sectors.join(', ')}`]),
    ...(roles.any.length === 0 ? [] : [`roles ${roles.any.join(', ')}`]),
    ...(roles.none.length === 0 ? [] : [`not with roles ${roles.none.join(', ')}`]),
    ...(insteadOf === null ? [] : [`in place of ${insteadOf}`]),
    ...(elements === null ? [] : [`kinds of data ${elements}`]),
    ...(residentsMin === 0 ? [] : [`from ${residentsMin.toLocaleString('en')} ${people} on`]),
    ...(residentsMax === null ? [] : [`below ${residentsMax.toLocaleString('en')} ${people}`]),
    ...(assessment === null ? [] : [`${residentsMin === 0 ? '' : 'or: '}${assessment.question} (${until})`]),
  ].join('; ')
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|') || '–'
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  writeFileSync(CLOCK_RULES_FILE, clockRulesText())
  process.stdout.write('docs/clock-rules.md\n')
}
