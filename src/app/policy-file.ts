/** A policy in a file: the part of a `bulkhead.yaml` that is policy, or that part by itself. Complaints name line and column. */
import path from 'node:path'
import { Ajv } from 'ajv'
import { BulkheadError } from '#base/errors.ts'
import type { ConsentRuleConfig } from '#model/config.ts'
import type { PolicyProposal } from '#policy/policy.ts'
import { decodeConfig, decodeGrant, decodeStore, PROTOCOLS, readText, shapeProblems } from './config.ts'
import { checkApproved, checkConsentRules, checkGrant, type Report } from './config-meaning.ts'
import { type PolicyFile, PolicyFileSchema } from './config-schema.ts'
import { ConfigText, type Problem } from './config-text.ts'

const validate = new Ajv({ allErrors: true, verbose: true, strict: false }).compile(JSON.parse(JSON.stringify(PolicyFileSchema)))

/** Throws `policy_invalid` or `config_unreadable`. */
export function readPolicyFile(file: string, env: NodeJS.ProcessEnv): PolicyProposal {
  return decodePolicyFile({ text: readText(file), name: file, env })
}

export function decodePolicyFile(given: { text: string; name: string; env: NodeJS.ProcessEnv }): PolicyProposal {
  try {
    const { text, name, env } = given
    // Secrets and addresses of a whole configuration are no part of the policy: whoever plans need not have them.
    const indulgent = new ConfigText(name, text, withAnything(env))
    const value = indulgent.value()
    return isConfiguration(value) ? ofConfiguration(given) : ofPolicy(new ConfigText(name, text, env))
  } catch (thrown) {
    if (!(thrown instanceof BulkheadError) || thrown.code !== 'config_invalid') throw thrown
    throw new BulkheadError('policy_invalid', thrown.message, { cause: thrown })
  }
}

function isConfiguration(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'sources' in value
}

/** Stands for a variable that is not set, and passes for an address. */
const ANYTHING = 'https://not-set.invalid'

function withAnything(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return new Proxy(env, { get: (all, name) => (typeof name === 'string' ? (all[name] ?? ANYTHING) : undefined) })
}

function ofConfiguration({ text, name, env }: { text: string; name: string; env: NodeJS.ProcessEnv }): PolicyProposal {
  const folder = path.dirname(path.resolve(name))
  const config = decodeConfig({ text, name, folder, env: withAnything(env), protocols: PROTOCOLS })
  const destinations = config.vendors.flatMap((vendor) => vendor.destinations)
  return {
    store: config.store,
    destinations: destinations.map(({ id, grants, events, properties, consent }) => {
      return { id, grants, events, properties, ...(consent && { consent }) }
    }),
    consent: config.consent ?? {},
  }
}

function ofPolicy(text: ConfigText): PolicyProposal {
  const value = text.value() ?? {}
  text.refuse(shapeProblems(value, text, validate))
  const { destinations = [], store } = value as PolicyFile
  const problems: Problem[] = []
  const report: Report = (at, found, expected) => void problems.push({ offset: text.offsetOf(at), found, expected })
  for (const [index, destination] of destinations.entries()) {
    const { id, grants = [], properties } = destination
    const at = ['destinations', index] as const
    if (destinations.findIndex((other) => other.id === id) < index)
      report([...at, 'id'], `the destination ${JSON.stringify(id)} again`, 'each once')
    for (const [number, grant] of grants.entries()) checkGrant(grant, [...at, 'grants', number], report)
    checkApproved(properties?.approved, [...at, 'properties', 'approved'], report)
    checkConsentRules(destination, [...at, 'consent'], report)
  }
  checkApproved(store?.properties?.approved, ['store', 'properties', 'approved'], report)
  text.refuse(problems)
  return {
    ...(store === undefined ? {} : { store: decodeStore(store) }),
    destinations: destinations.map(({ id, grants, events, properties, consent }) => ({
      id,
      grants: grants?.map(decodeGrant),
      events: { approved: events?.approved ?? [] },
      properties: { approved: properties?.approved ?? [] },
      ...(consent && { consent: consent as ConsentRuleConfig[] }),
    })),
  }
}
