/** What a browser sends from the form: two lines of text, and perhaps a text or a file. */
import { READ_LIMITS } from './read-notice.ts'

const CODE_CHARACTERS_MAX = 200
const ADDRESS_CHARACTERS_MAX = 400
/** Up to here a form takes no time worth speaking of; a larger one is read where it holds nobody up. */
export const SMALL_FORM_BYTES = 32_768

export interface FormBody {
  type: string
  body: Uint8Array
}

export interface CheckForm {
  code: string
  address: string
  content?: Uint8Array
}

/** Undefined: no form that browsers send, cut short, or parts without an end. */
export async function readForm({ type, body }: FormBody): Promise<CheckForm | undefined> {
  if (!/^(multipart\/form-data|application\/x-www-form-urlencoded)\b/i.test(type)) return undefined
  let form: FormData
  try {
    form = await new Response(Buffer.from(body), { headers: { 'content-type': type } }).formData()
  } catch {
    // It is said to be unreadable.
    return undefined
  }
  const text = (name: string, charactersMax: number): string => {
    const value = form.get(name)
    return typeof value === 'string' ? value.slice(0, charactersMax) : ''
  }
  const file = form.get('mail')
  const mail = file instanceof File && file.size > 0 ? new Uint8Array(await file.arrayBuffer()) : undefined
  const pasted = text('text', READ_LIMITS.textBytes + 1)
  const content = mail ?? (/\S/u.test(pasted) ? new Uint8Array(Buffer.from(pasted)) : undefined)
  const lines = { code: text('code', CODE_CHARACTERS_MAX), address: text('address', ADDRESS_CHARACTERS_MAX) }
  return content === undefined ? lines : { ...lines, content }
}
