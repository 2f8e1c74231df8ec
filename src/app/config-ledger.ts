/** `ledger` of `bulkhead.yaml`: the places outside that hold the ledger's checkpoints. */
import path from 'node:path'
import { type Static, Type } from 'typebox'
import { BulkheadError } from '#base/errors.ts'
import { Secret } from '#base/secret.ts'
import { parseVerifierKey } from '#ledger/note.ts'
import type { CheckpointPlaceConfig, LedgerConfig } from '#model/config.ts'

const closed = { additionalProperties: false } as const
const Text = (description: string) => Type.String({ minLength: 1, maxLength: 2048, description })

const PlaceSchema = Type.Object(
  {
    id: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
      description: 'an id of the place: 1 to 64 letters, digits, ".", "_" or "-", beginning with a letter or digit',
    }),
    kind: Type.Enum(['git', 'mail', 'witness', 'folder'], { description: 'one of git, mail, witness, folder' }),
    remote: Type.Optional(Text('git: a repository: a path, https://…, ssh://… or user@host:path')),
    branch: Type.Optional(Text('git: the branch that gets the commits (main when left out)')),
    file: Type.Optional(Text('git: the file in the repository (checkpoint when left out)')),
    host: Type.Optional(Text('mail: the host of the mail server')),
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65535, description: 'mail: a port from 1 to 65535' })),
    security: Type.Optional(
      Type.Enum(['tls', 'starttls', 'none'], { description: 'mail: tls, starttls (when left out) or none (only on this machine)' }),
    ),
    user: Type.Optional(Text('mail: the name to log in with')),
    password: Type.Optional(Type.String({ minLength: 1, maxLength: 8192, writeOnly: true, description: 'mail: the password as text' })),
    from: Type.Optional(Text('mail: the address of the sender')),
    to: Type.Optional(Text('mail: the address of the mailbox')),
    url: Type.Optional(Text('witness: the https:// address in front of /add-checkpoint (http:// only on this machine)')),
    key: Type.Optional(Text('witness: its public key, name+hash+base64')),
    ca: Type.Optional(Text('mail, witness: the path of a PEM file with the certificate authority')),
    path: Type.Optional(Text('folder: a folder that is there, on another disk')),
  },
  { ...closed, description: 'a place: {id, kind: git|mail|witness|folder, …}' },
)

export const LedgerSchema = Type.Object(
  { checkpoints: Type.Array(PlaceSchema, { description: 'a list of places outside that hold checkpoints' }) },
  { ...closed, description: 'ledger: {checkpoints: [...]}' },
)

type PlaceFile = Static<typeof PlaceSchema>
type PlaceKey = keyof PlaceFile
type Report = (at: (string | number)[], found: string, expected: string) => void

const NEEDED: Record<PlaceFile['kind'], readonly PlaceKey[]> = {
  git: ['remote'],
  mail: ['host', 'from', 'to'],
  witness: ['url', 'key'],
  folder: ['path'],
}
const ALLOWED: Record<PlaceFile['kind'], readonly PlaceKey[]> = {
  git: ['branch', 'file'],
  mail: ['port', 'security', 'user', 'password', 'ca'],
  witness: ['ca'],
  folder: [],
}
const THIS_MACHINE = /^(localhost|.+\.localhost|127(\.\d+){3}|\[?::1\]?)$/
const ADDRESS = /^[^\s@<>"(),:;\\]+@[^\s@<>"(),:;\\]+$/

/** `whyNotUrl` is the rule that holds for vendors' addresses too. */
export function checkLedger(
  ledger: { checkpoints: PlaceFile[] } | undefined,
  report: Report,
  whyNotUrl: (url: string) => string | undefined,
) {
  const places = ledger?.checkpoints ?? []
  for (const [index, place] of places.entries()) {
    const at = ['ledger', 'checkpoints', index]
    if (places.findIndex(({ id }) => id === place.id) !== index)
      report([...at, 'id'], `the place id ${JSON.stringify(place.id)} again`, 'an id that no other place has')
    const known: readonly string[] = ['id', 'kind', ...NEEDED[place.kind], ...ALLOWED[place.kind]]
    for (const key of NEEDED[place.kind]) {
      if (place[key] === undefined) report(at, `no ${key} in a place of the kind ${place.kind}`, `${key}: ${describe(key)}`)
    }
    for (const key of Object.keys(place)) {
      if (!known.includes(key)) report([...at, key], `${key} in a place of the kind ${place.kind}`, `one of ${known.join(', ')}`)
    }
    for (const { key, found, expected } of wrongValues(place, whyNotUrl)) report([...at, key], found, expected)
  }
}

function describe(key: PlaceKey): string {
  return String((PlaceSchema.properties[key] as { description?: string }).description ?? 'a value').replace(/^[a-z, ]+: /, '')
}

interface WrongValue {
  key: PlaceKey
  found: string
  expected: string
}

function wrongValues(place: PlaceFile, whyNotUrl: (url: string) => string | undefined): WrongValue[] {
  const wrong: WrongValue[] = []
  const report = (key: PlaceKey, found: string | undefined): void => {
    if (found !== undefined) wrong.push({ key, found, expected: describe(key) })
  }
  if (place.remote !== undefined) report('remote', whyNotRemote(place.remote))
  if (place.branch !== undefined && !isRefPart(place.branch)) report('branch', 'no name of a branch')
  if (place.file !== undefined && !isRepositoryFile(place.file)) report('file', 'no path of a file in a repository')
  if (place.url !== undefined) report('url', whyNotUrl(place.url))
  if (place.key !== undefined) report('key', whyNotWitnessKey(place.key))
  for (const key of ['from', 'to'] as const) {
    if (place[key] !== undefined && !ADDRESS.test(place[key])) report(key, 'no mail address')
  }
  if (place.host !== undefined && !/^[A-Za-z0-9._:[\]-]+$/.test(place.host)) report('host', 'no name of a host')
  if (place.security === 'none' && place.host !== undefined && !THIS_MACHINE.test(place.host))
    report('security', 'none for another machine')
  if ((place.user === undefined) !== (place.password === undefined))
    report(place.user === undefined ? 'password' : 'user', 'one of user and password without the other')
  if (place.path !== undefined && !path.isAbsolute(place.path)) report('path', 'a relative path')
  return wrong
}

/** Only ways on which the other side is known, nothing that runs a program, and no password in the open. */
function whyNotRemote(remote: string): string | undefined {
  if (/[\x00-\x20\x7f]/.test(remote) || remote.startsWith('-')) return 'no repository'
  const url = /^([a-z][a-z0-9+.-]*):\/\//i.exec(remote)
  if (url === null) {
    // `transport::address` runs a program of that name.
    if (remote.includes('::')) return 'no repository'
    return path.isAbsolute(remote) || /^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:[^:]+$/.test(remote) ? undefined : 'a relative path'
  }
  const parsed = URL.parse(remote)
  if (parsed === null) return 'no address'
  if (parsed.password !== '') return 'an address with a password in it'
  if (['https:', 'ssh:', 'file:'].includes(parsed.protocol)) return parsed.hostname.startsWith('-') ? 'no repository' : undefined
  if (parsed.protocol === 'http:' && THIS_MACHINE.test(parsed.hostname)) return undefined
  return `an address that begins with ${parsed.protocol}`
}

function isRefPart(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._/-]{0,200}$/.test(name) && !/\.\.|\/\/|\/$|\.$|\.lock($|\/)|\/\./.test(name)
}

function isRepositoryFile(name: string): boolean {
  return (
    /^[A-Za-z0-9._/-]{1,200}$/.test(name) && name.split('/').every((part) => part !== '' && !/^\.+$/.test(part) && !/^\.git/i.test(part))
  )
}

function whyNotWitnessKey(key: string): string | undefined {
  try {
    return parseVerifierKey(key).algorithm === 'cosignature/v1' ? undefined : 'a key of a log, not of a witness'
  } catch (thrown) {
    return thrown instanceof BulkheadError ? 'no public key of a witness' : String(thrown)
  }
}

/** After all checks; relative files start from `folder`. */
export function decodeLedger(ledger: { checkpoints: PlaceFile[] } | undefined, folder: string): LedgerConfig | undefined {
  if (ledger === undefined) return undefined
  const fileOf = (file: string | undefined): string | undefined => (file === undefined ? undefined : path.resolve(folder, file))
  return {
    checkpoints: ledger.checkpoints.map((place): CheckpointPlaceConfig => {
      const { id, kind } = place
      if (kind === 'git') return { id, kind, remote: place.remote ?? '', branch: place.branch ?? 'main', file: place.file ?? 'checkpoint' }
      if (kind === 'folder') return { id, kind, path: place.path ?? '' }
      if (kind === 'witness') return { id, kind, url: (place.url ?? '').replace(/\/+$/, ''), key: place.key ?? '', ca: fileOf(place.ca) }
      const security = place.security ?? 'starttls'
      return {
        id,
        kind,
        host: place.host ?? '',
        port: place.port ?? (security === 'tls' ? 465 : 587),
        security,
        user: place.user,
        password: place.password === undefined ? undefined : new Secret(place.password),
        from: place.from ?? '',
        to: place.to ?? '',
        ca: fileOf(place.ca),
      }
    }),
  }
}
