/** A vault in a process of its own, to be killed. Argument: JSON of a place, the socket's path and the tokens. */
import { serveVault } from './server.ts'
import { openAt, type Place } from './testing.ts'

const { place, socket, tokens } = JSON.parse(process.argv[2] as string) as { place: Place; socket: string; tokens: Record<string, string> }
await serveVault({ vault: await openAt(place), path: socket, tokens })
process.stdout.write('ready\n')
