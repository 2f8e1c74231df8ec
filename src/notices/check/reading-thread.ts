/** A thread that reads what strangers send. What makes it slow or large takes no time and no memory from the process around it. */
import { parentPort } from 'node:worker_threads'
import { type CheckForm, type FormBody, readForm } from './form.ts'
import type { ReadNotice } from './read-notice.ts'
import { readNotice, type ToRead } from './reading.ts'
import { READY } from './reading-ready.ts'

export type ReadingTask = { notice: ToRead } | { form: FormBody }

/** Undefined: unreadable. */
export type ReadingAnswer = { result: ReadNotice | CheckForm | undefined }

parentPort?.on('message', async (task: ReadingTask) => {
  let result: ReadNotice | CheckForm | undefined
  try {
    result = 'notice' in task ? await readNotice(task.notice) : await readForm(task.form)
  } catch {
    // Whatever a parser could not bear: it is said to be unreadable.
    result = undefined
  }
  parentPort?.postMessage({ result } satisfies ReadingAnswer)
})
parentPort?.postMessage(READY)
