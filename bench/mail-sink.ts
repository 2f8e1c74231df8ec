/** A mail server that takes every mail and only counts: npm smtp-server on loopback. Prints its port; says its counts when it is asked. */
import type { AddressInfo } from 'node:net'
import { SMTPServer } from 'smtp-server'

const counted = { mails: 0, bytes: 0, signed: 0 }

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS', 'AUTH'],
  disableReverseLookup: true,
  logger: false,
  onData: (stream, _session, done) => {
    let isFirst = true
    stream.on('data', (part: Buffer) => {
      if (isFirst && part.includes('DKIM-Signature:')) counted.signed += 1
      isFirst = false
      counted.bytes += part.length
    })
    stream.on('end', () => {
      counted.mails += 1
      done()
    })
  },
})
// A sender that ends leaves its connections broken.
server.on('error', () => undefined)
server.listen(0, 'localhost', () => process.stdout.write(`${(server.server.address() as AddressInfo).port}\n`))
process.on('message', () => void process.send?.({ ...counted }))
process.on('SIGTERM', () => process.exit(0))
process.on('disconnect', () => process.exit(0))
