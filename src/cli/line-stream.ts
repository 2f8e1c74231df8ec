/** Commands that answer one line of JSON for each line of JSON: in order, as they come, whatever a line holds. */
import { StringDecoder } from 'node:string_decoder'
import type { Readable, Writable } from 'node:stream'
import { BulkheadError, toBulkheadError } from '#base/errors.ts'
import type { JsonValue } from '#model/json.ts'

/** A longer line is refused, not kept: a stream without line ends must not fill the memory. */
const LINE_CHARACTERS_MAX = 1 << 20

export interface LineRequest {
  id: JsonValue
  [key: string]: JsonValue
}

export interface LineStream {
  input: Readable
  output: Writable
  /** One line without its end for a request. What it throws becomes the answer to that line. */
  answer(request: LineRequest): string
}

/** Resolves when the input has ended and all answers are written, or when nobody reads them any more. */
export async function answerLines({ input, output, answer }: LineStream): Promise<void> {
  let isClosed = false
  output.on('error', () => {
    // Whoever reads has gone (`| head`): there is nobody left to tell.
    isClosed = true
  })
  const decoder = new StringDecoder('utf8')
  let rest = ''
  let isOverlong = false
  const answersTo = (text: string): string => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    let answers = ''
    for (const line of lines) {
      if (isOverlong || line.length > LINE_CHARACTERS_MAX)
        answers += refusal(null, `the line is longer than ${LINE_CHARACTERS_MAX} characters`)
      else answers += answerLine(line, answer)
      isOverlong = false
    }
    if (rest.length > LINE_CHARACTERS_MAX) {
      isOverlong = true
      rest = ''
    }
    return answers
  }
  for await (const chunk of input) {
    const answers = answersTo(decoder.write(chunk as Buffer))
    if (isClosed) return
    if (answers !== '' && !output.write(answers) && !isClosed) await untilWritable(output)
  }
  const last = answersTo(`${decoder.end()}\n`)
  if (last !== '' && !isClosed) await new Promise<void>((resolve) => output.write(last, () => resolve()))
}

/** Also when it never will be again: an error is no reason to fail, the next look sees that nobody reads. */
function untilWritable(output: Writable): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ['drain', 'close', 'error']) output.once(event, () => resolve())
  })
}

function answerLine(line: string, answer: LineStream['answer']): string {
  if (line.trim() === '') return ''
  let id: JsonValue = null
  try {
    const request = decodeLine(line)
    id = request.id
    return `${answer(request)}\n`
  } catch (thrown) {
    return refusal(id, toBulkheadError(thrown).message)
  }
}

/** Throws `line_invalid`. Nothing of the line stands in the message. */
function decodeLine(line: string): LineRequest {
  let parsed: JsonValue
  try {
    parsed = JSON.parse(line) as JsonValue
  } catch {
    throw new BulkheadError('line_invalid', 'the line is no JSON')
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw new BulkheadError('line_invalid', 'the line is no JSON object')
  return { ...parsed, id: parsed.id ?? null }
}

function refusal(id: JsonValue, message: string): string {
  return `${JSON.stringify({ id, error: { code: 'line_invalid', message } })}\n`
}
