/**
 * The people of a drill: users of an invented API platform, each with planted values that must not turn up in the
 * vendor's loot. Everything is invented and unique, so that a plain search tells; mail addresses and hosts lie under
 * names that RFC 2606 reserves, network addresses in the benchmark range of RFC 2544.
 */

export type Part = 'server' | 'browser' | 'optOut' | 'quiet' | 'absent'

export interface CastMember {
  /** Approved number that every record of this person carries: the loot itself then says whom a row is about. */
  n: number
  part: Part
  id: string
  name: string
  email: string
  ip: string
  userAgent: string
  referrer: string
  /** Page address with a reset token and the person's address in its query. */
  page: string
  org: Org
}

export interface Org {
  id: string
  name: string
}

export interface Cast {
  members: CastMember[]
  orgs: Org[]
}

const firstNames = ['Asha', 'Ravi', 'Mina', 'José', 'Claire', 'Oluwa', 'Ingrid', 'Kenji', 'Zoë', 'Samir', 'आशा', 'रवि', 'मीना', 'Łucja']
const lastNames = ['Verma', 'Ortega', 'Müller', 'Tanaka', 'Adeyemi', 'Lindqvist', 'Haddad', 'Kowalska', 'वर्मा', 'शर्मा', 'Dubois', 'Novák']
const orgNames = ['Quarry', 'Lantern', 'Saffron', 'Borealis', 'Copper', 'Monsoon', 'Juniper', 'Harbour']

/** Letters that make a value unique without looking like a number: base 20 in consonants. */
function letters(value: number): string {
  let text = ''
  for (let rest = value + 8000; rest > 0; rest = Math.floor(rest / 20)) text = 'bcdfghjklmnpqrstvwxz'[rest % 20] + text
  return text
}

/** Which part each person plays: a few in browsers, a tenth sends only what nobody approved, a tenth is never seen. */
function partOf(index: number, users: number, browserUsers: number): Part {
  if (index < browserUsers) return index === browserUsers - 1 && browserUsers > 2 ? 'optOut' : 'browser'
  const share = (index - browserUsers) / Math.max(1, users - browserUsers)
  if (share >= 0.9) return 'absent'
  return share >= 0.8 ? 'quiet' : 'server'
}

/** `run` makes the values of one drill differ from those of every other. Deterministic for equal arguments. */
export function makeCast(options: { users: number; browserUsers: number; run: string }): Cast {
  const { users, browserUsers, run } = options
  const orgCount = Math.max(1, Math.ceil(users / 8))
  const orgs = Array.from({ length: orgCount }, (_, index) => {
    const mark = letters(index)
    return { id: `org_${run}${mark}`, name: `${orgNames[index % orgNames.length]} ${mark.toUpperCase()} Laboratories` }
  })
  const members = Array.from({ length: users }, (_, index): CastMember => {
    const mark = `${run}${letters(index)}`
    const last = `${lastNames[index % lastNames.length]}${letters(index)}`
    return {
      n: index + 1,
      part: partOf(index, users, browserUsers),
      id: `user_${mark}`,
      name: `${firstNames[index % firstNames.length]} ${last}`,
      email: `person.${mark}@mail.example`,
      ip: `198.${18 + (Math.floor(index / 62_500) % 2)}.${Math.floor(index / 250) % 250}.${(index % 250) + 2}`,
      userAgent: `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36 Device${mark}`,
      referrer: `https://intranet.example/teams/${mark}/board?ticket=${mark}`,
      page: `/account/${mark}?reset_token=${mark}tok&email=person.${mark}%40mail.example#${mark}`,
      org: orgs[index % orgCount] as Org,
    }
  })
  return { members, orgs }
}

/** The company's own user table, as `bulkhead directory import` takes it. */
export function directoryCsv(cast: Cast): string {
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`
  const rows = cast.members.map(({ id, email, name, org }) => [id, email, name, org.id].map(quoted).join(','))
  return `${['id,email,name,company', ...rows].join('\n')}\n`
}

export const APPROVED_EVENTS = ['API key created', 'Request made', 'Invoice paid']
export const UNAPPROVED_EVENT = 'Draft saved'
const APPROVED_PROPERTIES = ['n', 'tokens', 'amount', 'model', 'requests_total']

export const TOKENS = { browser: 'drill-browser-token', server: 'drill-server-token', vendor: 'drill-vendor-project' }
export const VENDOR_LOGIN = { user: 'drill-service-account', secret: 'drill-service-secret', projectId: '4242' }

/** bulkhead.yaml of the drill. The vendor's secret comes from the environment, as it should. */
export function drillConfig(vendorUrl: string): string {
  return `sources:
  - id: web
    protocol: mixpanel
    token: ${TOKENS.browser}
    trust: browser
    surface: console
  - id: backend
    protocol: mixpanel
    token: ${TOKENS.server}
    trust: server
    surface: api
vendors:
  - id: mixpanel
    destinations:
      - id: mixpanel
        protocol: mixpanel
        url: ${vendorUrl}
        token: ${TOKENS.vendor}
        credentials:
          serviceAccount:
            user: ${VENDOR_LOGIN.user}
            secret: \${DRILL_VENDOR_SECRET}
            projectId: "${VENDOR_LOGIN.projectId}"
        events:
          approved: ${JSON.stringify(APPROVED_EVENTS)}
        properties:
          approved: ${JSON.stringify(APPROVED_PROPERTIES)}
gateway:
  trustProxy: ["127.0.0.1/32"]
`
}
