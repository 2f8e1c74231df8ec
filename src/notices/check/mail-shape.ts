/**
 * How a mail is put together, as its bytes say it: programs differ in which of two borders, encodings or names they take, and each must
 * see the one mail that was read here.
 */
import { shown } from './letters.ts'
import type { Findings } from './read-notice.ts'

/** Of others some programs know nothing, and show what they make of the bytes. */
const CHARSETS = /^(utf-?8|us-ascii|ascii|iso-8859-(1|15)|windows-125[0-8]|latin1)$/i
const HEADS = /^(content-(?:type|transfer-encoding|disposition|description|location|id))[ \t]*:((?:[^\r\n]|\r?\n[ \t])*)/gim
const PARAMETER = /;\s*([a-z-]+)(\*\d*\*?)?\s*=\s*("[^"]*"|[^\s;"]*)/gi
/** What programs write beside a signature. */
const DESCRIPTION = /^\s*(OpenPGP digital signature|S\/MIME Cryptographic Signature|OpenPGP public key)\s*$/i
/** What may be a part's head: from a border to the next empty line, whatever stands in it. */
const BLOCK = /\n--[^\r\n]*((?:\r?\n[^\r\n]+)*)/g

export function judgeShape(bytes: Buffer, findings: Findings): void {
  const text = bytes.toString('latin1')
  const strange = (what: string): void => findings.add('html_strange', { what: shown(what) })
  for (const type of ['plain', 'html']) {
    const parts = text.match(new RegExp(`^content-type[ \\t]*:\\s{0,20}text/${type}\\b`, 'gim'))?.length ?? 0
    if (parts > 1) strange(`${parts} × text/${type}`)
  }
  // The mail's own head stands behind no border.
  for (const [, block = ''] of `\n--\n${text.trimStart()}`.matchAll(BLOCK)) {
    const heads = [...block.matchAll(HEADS)].map(([, name = '', value = '']) => ({ name: name.toLowerCase(), value }))
    const twice = heads.find(({ name }, index) => heads.findIndex((other) => other.name === name) !== index)
    if (twice !== undefined) strange(twice.name)
    const type = heads.find(({ name }) => name === 'content-type')?.value ?? 'text/plain'
    for (const { name, value } of heads) judgeHead(name, value, { isText: /^\s*text\//i.test(type), strange })
  }
}

function judgeHead(name: string, value: string, { isText, strange }: { isText: boolean; strange: (what: string) => void }): void {
  if (name === 'content-description' && !DESCRIPTION.test(value)) strange(value)
  if (name !== 'content-type' && name !== 'content-disposition') return
  const said = new Set<string>()
  for (const [, key = '', continued, given = ''] of value.matchAll(PARAMETER)) {
    const parameter = key.toLowerCase()
    const isTwice = said.has(parameter) && continued === undefined
    if (isTwice || (continued !== undefined && /^(boundary|charset)$/.test(parameter))) strange(parameter)
    said.add(parameter)
    const plain = given.replace(/^"|"$/g, '')
    if (!isText) continue
    if (parameter === 'charset' && !CHARSETS.test(plain)) strange(plain)
    // Shown beside the text, as the name of a file.
    if (parameter === 'name' || parameter === 'filename') strange(plain)
  }
}
