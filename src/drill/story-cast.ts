/** The people of a story, invented, and everything that the program is told of them. */
import { VENDOR_LOGIN } from './cast.ts'
import type { PeopleGroup, StoryFile } from './story-format.ts'

export interface StoryPerson {
  /** Approved number that every record carries: what the vendor holds then says by itself whom it is about. */
  n: number
  id: string
  name: string
  email: string
  group: PeopleGroup
  organisation: string | undefined
  /** The organisation of which this person is the administrator. */
  administers: string | undefined
}

export const EVENT = 'Thing done'

/** Deterministic: a story played twice has the same people. */
export function castOf(story: StoryFile): StoryPerson[] {
  const people: StoryPerson[] = []
  for (const group of story.people) {
    for (let index = 0; index < group.count; index++) {
      const n = people.length + 1
      const mark = `${story.story}-${group.id}-${n}`
      const organisation = group.organisations === undefined ? undefined : `org-${group.id}-${index % group.organisations}`
      const isFirst = group.administrators === true && group.directory !== false && index < (group.organisations ?? 0)
      people.push({
        n,
        id: `user-${mark}`,
        name: `${group.language === 'hi' ? 'आशा' : 'Person'} ${group.id} Nr${n}`,
        email: `${mark}@mail.example`,
        group,
        organisation,
        administers: isFirst ? organisation : undefined,
      })
    }
  }
  return people
}

export function tokenOf(source: string): string {
  return `story-token-${source}`
}

/** Number of a surface: the vendor's rows carry it as they carry `n`, so that a surface can be told from what was received. */
export function surfaceNumbers(story: StoryFile): Map<string, number> {
  const names = [...new Set(story.sources.map((source) => source.surface ?? source.id))]
  return new Map(names.map((name, index) => [name, index + 1]))
}

/** The company's own user table; undefined when nobody stands in it. */
export function directoryOf(cast: readonly StoryPerson[]): string | undefined {
  const rows = cast.filter((person) => person.group.directory !== false)
  if (rows.length === 0) return undefined
  const lines = rows.map(({ id, email, name, group, organisation, administers }) =>
    [id, email, name, group.country ?? '', group.region ?? '', group.language ?? '', organisation ?? '', administers ? 'yes' : '']
      .map((text) => `"${text}"`)
      .join(','),
  )
  return `${['id,email,name,country,region,language,company,admin', ...lines].join('\n')}\n`
}

export const COMPANY = 'Example Company'
export const OFFICIAL_DOMAIN = 'company.example'

/** The company's own mail server, and the file with the key that its mails are signed with. */
export interface StoryMail {
  host: string
  port: number
  keyFile: string
}

/** bulkhead.yaml; `urls` has the loopback cloud of each vendor. JSON is YAML. */
export function storyConfig(story: StoryFile, urls: ReadonlyMap<string, string>, mail?: StoryMail): string {
  const sources = story.sources.map(({ id, trust = 'server', surface = id }) => ({
    id,
    protocol: 'mixpanel',
    token: tokenOf(id),
    trust,
    surface,
    consent: 'collected',
  }))
  const vendors = story.vendors.map(({ id, grants }) => ({
    id,
    destinations: [
      {
        id,
        protocol: 'mixpanel',
        url: urls.get(id) ?? '',
        token: projectToken(id),
        credentials: { serviceAccount: { ...VENDOR_LOGIN, secret: `\${${SECRET_VARIABLE}}` } },
        events: { approved: [EVENT] },
        properties: { approved: ['n', 's', 'step'] },
        ...(grants && { grants }),
      },
    ],
  }))
  const { zone, language, ...clocks } = story.company ?? {}
  const notices = mail && {
    company: COMPANY,
    officialDomain: OFFICIAL_DOMAIN,
    checkUrl: `https://${OFFICIAL_DOMAIN}/check`,
    contact: { team: 'Privacy team', mail: `privacy@${OFFICIAL_DOMAIN}` },
    from: { name: `${COMPANY} security`, address: `security@${OFFICIAL_DOMAIN}` },
    smtp: { host: mail.host, port: mail.port, tls: 'none', connections: 2, perSecond: 1000 },
    dkim: { domain: OFFICIAL_DOMAIN, selector: 'story', keyFile: mail.keyFile },
    defaultLanguage: language ?? 'en',
    ...(zone !== undefined && { zone }),
  }
  const places = { ...clocks, ...(zone !== undefined && { placeOfAwareness: zone }) }
  const parts = {
    sources,
    vendors,
    ...(notices && { notices }),
    ...(Object.keys(places).length > 0 && { clocks: places }),
    // A check from many networks comes through a proxy that says from which.
    ...(asksFromNetworks(story) && { gateway: { trustProxy: ['127.0.0.1/32'] } }),
  }
  return JSON.stringify(parts, null, 2)
}

function asksFromNetworks(story: StoryFile): boolean {
  return story.steps.some((step) => step.do === 'check' && step.networks !== undefined)
}

export const SECRET_VARIABLE = 'DRILL_VENDOR_SECRET'

export function projectToken(vendor: string): string {
  return `story-project-${vendor}`
}
