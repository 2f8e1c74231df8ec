/** A reading thread that takes its time to start, as one does on a busy machine, and then answers at once. */
import { parentPort } from 'node:worker_threads'
import { READY } from './reading-ready.ts'

const START_MS = 3000
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, START_MS)
parentPort?.on('message', () => parentPort?.postMessage({ result: { code: 'c', address: 'a' } }))
parentPort?.postMessage(READY)
