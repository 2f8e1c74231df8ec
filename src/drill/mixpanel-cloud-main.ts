/**
 * The loopback cloud in a process of its own, so that it outlives whoever is killed beside it:
 * `node src/drill/mixpanel-cloud-main.ts --port 0 --store FILE [--token T] [--project P] [--secret S | --user U --secret S]
 * [--deletion-token T]`.
 * Prints one line of JSON, `{"url":…,"port":…}`, when it listens; stops on TERM, and when its standard input closes if
 * `--with-parent` is given.
 */
import { parseArgs } from 'node:util'
import { startMixpanelCloud } from './mixpanel-cloud.ts'

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    store: { type: 'string' },
    token: { type: 'string', default: 'drill-token' },
    project: { type: 'string', default: '1' },
    user: { type: 'string' },
    secret: { type: 'string', default: 'drill-secret' },
    'deletion-token': { type: 'string' },
    'with-parent': { type: 'boolean', default: false },
  },
})

const cloud = await startMixpanelCloud({
  port: Number(values.port),
  projectId: values.project,
  token: values.token,
  credentials:
    values.user === undefined
      ? { kind: 'secret', secret: values.secret }
      : { kind: 'serviceAccount', user: values.user, secret: values.secret, projectId: values.project },
  control: true,
  ...(values['deletion-token'] === undefined ? {} : { deletionToken: values['deletion-token'] }),
  ...(values.store === undefined ? {} : { store: values.store }),
})
process.stdout.write(`${JSON.stringify({ url: cloud.url, port: cloud.port })}\n`)

const stop = (): void => {
  cloud.close().finally(() => process.exit(0))
}
process.on('SIGTERM', stop)
process.on('SIGINT', stop)
if (values['with-parent']) process.stdin.resume().on('end', stop).on('error', stop)
