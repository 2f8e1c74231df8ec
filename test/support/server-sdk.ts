/** The official npm client as an application makes it; only host and port are ours. */
import sdk, { type InitConfig, type Mixpanel } from 'mixpanel'

export interface ServerSdk {
  client: Mixpanel
  /** What the SDK wrote to its logger or the console. */
  complaints: string[]
}

export function openServerSdk(gatewayUrl: string, token: string, settings: Partial<InitConfig> = {}): ServerSdk {
  const url = new URL(gatewayUrl)
  const complaints: string[] = []
  const complain = (level: string) => (message: unknown) => void complaints.push(`${level}: ${String(message)}`)
  const logger = { trace: () => undefined, debug: () => undefined, info: () => undefined, warn: complain('warn'), error: complain('error') }
  const client = sdk.init(token, { host: `${url.hostname}:${url.port}`, protocol: url.protocol.replace(':', ''), logger, ...settings })
  return { client, complaints }
}

/** A callback-style SDK call as a promise that rejects with what the SDK reported. */
export function told(make: (done: (error: unknown) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    make((error) => {
      if (error === undefined || error === null) resolve()
      else reject(error instanceof Error ? error : new Error(JSON.stringify(error)))
    })
  })
}
