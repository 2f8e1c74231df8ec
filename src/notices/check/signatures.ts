/**
 * Signatures that a mail program puts beside what it sends. Others show them as a file: it has the one name that programs give it and
 * holds a signature and nothing else, so that opening it shows nothing to read.
 */
export interface AttachedFile {
  contentType: string
  filename: string | undefined
  content: Uint8Array
}

const BYTES_MAX = 20_000
const ARMOUR =
  /^-----BEGIN PGP SIGNATURE-----\r?\n(?:Version: GnuPG v\d(?:\.\d{1,2}){0,2}\r?\n)?\r?\n(?:[A-Za-z0-9+/=]{1,76}\r?\n){1,60}-----END PGP SIGNATURE-----\s*$/
/** `signedData` of CMS, right behind the length of the whole. */
const SIGNED_DATA = Buffer.from('06092a864886f70d010702', 'hex')

/** `data`: as long as its box, or with an end behind it, it is only named, and what was signed stands elsewhere. */
const DATA = Buffer.from('06092a864886f70d010701', 'hex')

export function isSignature({ contentType, filename, content }: AttachedFile): boolean {
  const bytes = Buffer.from(content)
  if (bytes.length > BYTES_MAX) return false
  if (/^application\/(x-)?pkcs7-signature$/.test(contentType)) return filename === 'smime.p7s' && isSignedData(bytes)
  if (contentType !== 'application/pgp-signature') return false
  return /^(signature|OpenPGP_signature)(\.asc)?$/.test(filename ?? 'signature') && ARMOUR.test(bytes.toString('latin1'))
}

/** A DER sequence of just this length (or of none said) that begins with the name of signed data. */
function isSignedData(bytes: Buffer): boolean {
  const data = bytes.indexOf(DATA)
  if (data > 0 && bytes[data - 1] !== DATA.length && bytes.readUInt16BE(Math.min(data + DATA.length, bytes.length - 2)) !== 0) return false
  if (bytes.length < 64 || bytes[0] !== 0x30) return false
  const first = bytes[1] as number
  if (first === 0x80) return bytes.subarray(2, 2 + SIGNED_DATA.length).equals(SIGNED_DATA)
  if (first !== 0x82) return false
  return bytes.readUInt16BE(2) === bytes.length - 4 && bytes.subarray(4, 4 + SIGNED_DATA.length).equals(SIGNED_DATA)
}
