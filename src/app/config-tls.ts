/** Certificate and key that the gateway is to use, tried before anything starts: a wrong path is a mistake in the file, not a defect. */
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'

export interface TlsFault {
  key: 'cert' | 'key'
  found: string
  expected: string
}

/** What is wrong with two PEM files; undefined when they are readable and belong together. */
export function findTlsFault(tls: { cert: string; key: string }): TlsFault | undefined {
  const texts: Partial<Record<TlsFault['key'], string>> = {}
  for (const key of ['cert', 'key'] as const) {
    const expected = key === 'cert' ? 'a PEM file with the certificate chain' : 'a PEM file with the private key, without a passphrase'
    try {
      const text = readFileSync(tls[key], 'utf8')
      texts[key] = text
      createSecureContext({ [key]: text })
    } catch (thrown) {
      const { code } = thrown as NodeJS.ErrnoException
      const found = texts[key] === undefined ? `${tls[key]}, which cannot be read (${code})` : `${tls[key]}, which does not hold one`
      return { key, found, expected }
    }
  }
  try {
    createSecureContext(texts)
    return undefined
  } catch {
    // OpenSSL says more, but nothing that helps: each file was good by itself.
    return { key: 'key', found: `${tls.key}, which is not the key of that certificate`, expected: 'the private key of the certificate' }
  }
}
