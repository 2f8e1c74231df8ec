/** The decoded configuration (`bulkhead.yaml` plus command line and environment). Secrets are wrapped on decode. */
import type { Secret } from '#base/secret.ts'
import type { Field, Form, Trust } from '#model/field.ts'

export interface Config {
  sources: SourceConfig[]
  vendors: VendorConfig[]
  gateway: GatewayConfig
  /** What nobody else is told: approvals for the own store alone. */
  store: StoreConfig
}

export interface SourceConfig {
  id: string
  protocol: string
  /** Public token that routes records here; undefined accepts any token (only when no file was given). */
  token: string | undefined
  trust: Exclude<Trust, 'directory'>
  namespace: string
  /** App or page group; stands in every disclosure row. */
  surface: string
  /** Property keys that name groups (organisations) in this source's events. */
  groupKeys: string[]
}

export interface VendorConfig {
  id: string
  name: string
  destinations: DestinationConfig[]
}

export interface DestinationConfig {
  id: string
  vendor: string
  protocol: string
  url: string
  token: string
  credentials: Credentials
  deletionToken: Secret | undefined
  /** undefined = the preset `analytics`; [] = nothing leaves. */
  grants: GrantConfig[] | undefined
  events: { approved: string[] }
  properties: { approved: string[] }
}

export type Credentials = { kind: 'secret'; secret: Secret } | { kind: 'serviceAccount'; user: string; secret: Secret; projectId: string }

export interface GrantConfig {
  field: Field | 'property.*'
  form: Form
  purpose: string
  /** UTC ms; undefined = until changed. */
  until: number | undefined
  reason: string
}

export interface GatewayConfig {
  tls: { cert: string; key: string } | undefined
  /** CIDR list of proxies whose X-Forwarded-For counts. */
  trustProxy: string[]
}

export interface StoreConfig {
  events: { approved: string[] }
  properties: { approved: string[] }
  paths: { approved: string[] }
  referrers: { approved: string[] }
}
