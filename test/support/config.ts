/** bulkhead.yaml for tests: a browser source and a server source in one namespace, and one vendor when it has an address. */

export const TOKENS = { browser: 'test-browser-token', server: 'test-server-token', vendor: 'test-vendor-project' }
export const LOGIN = { user: 'test-service-account', secret: 'test-service-secret', projectId: '77' }

export interface TestConfig {
  vendorUrl?: string
  events?: readonly string[]
  properties?: readonly string[]
  /** More text at the top level. */
  more?: string
}

export function testConfig({ vendorUrl, events = [], properties = [], more = '' }: TestConfig = {}): string {
  const sources = `sources:
  - {id: web, protocol: mixpanel, token: ${TOKENS.browser}, trust: browser, surface: site}
  - {id: backend, protocol: mixpanel, token: ${TOKENS.server}, trust: server, surface: api}
`
  const vendors =
    vendorUrl === undefined
      ? 'vendors: []\n'
      : `vendors:
  - id: mixpanel
    destinations:
      - id: mixpanel
        protocol: mixpanel
        url: ${vendorUrl}
        token: ${TOKENS.vendor}
        credentials: {serviceAccount: {user: ${LOGIN.user}, secret: "\${TEST_VENDOR_SECRET}", projectId: "${LOGIN.projectId}"}}
        events: {approved: ${JSON.stringify(events)}}
        properties: {approved: ${JSON.stringify(properties)}}
`
  return sources + vendors + more
}

export const vendorEnvironment = { TEST_VENDOR_SECRET: LOGIN.secret }

/** Notices without a mail server, in the name of one company; for `more`. */
export function noticesConfig(singleOperatorDelayHours: number): string {
  return `notices:
  company: Example Ltd
  officialDomain: company.example
  checkUrl: https://company.example/check
  contact: {team: Privacy team, mail: privacy@company.example}
  from: {name: Example security, address: security@company.example}
  zone: Asia/Kolkata
approvals: {singleOperatorDelayHours: ${singleOperatorDelayHours}}
`
}
