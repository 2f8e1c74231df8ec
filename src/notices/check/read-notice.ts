/** What reading a text or a mail gives: the words to compare, and what is odd about it. */

/** What we call our own. All lower case. */
export interface OfficialMarks {
  company: string
  domain: string
  checkUrl: string
  contactMail: string | undefined
  sender: string
  /** Of the sender, as mail programs show it. */
  senderName: string
  /** Public key of our own signature, so that no name server needs to be asked. */
  dkim: { domain: string; selector: string; publicKey: string } | undefined
  /** Keys of earlier selectors are looked up in DNS, of our own domain only. */
  checkDns: boolean
}

export type FindingCode =
  | 'address_from_mail'
  | 'attached_mail'
  | 'attachment'
  | 'code_form'
  | 'dkim_broken'
  | 'dkim_good'
  | 'dkim_none'
  | 'encrypted'
  | 'from_foreign'
  | 'from_lookalike'
  | 'from_several'
  | 'from_you'
  | 'head_foreign'
  | 'hidden_characters'
  | 'html_active'
  | 'html_form'
  | 'html_hidden'
  | 'html_picture'
  | 'html_strange'
  | 'link_filtered'
  | 'link_foreign'
  | 'link_lookalike'
  | 'link_rewritten'
  | 'link_unlike_text'
  | 'mixed_letters'
  | 'reply_elsewhere'
  | 'signature_added'
  | 'text_around'
  | 'too_large'
  | 'unreadable'

export interface Finding {
  code: FindingCode
  values: Readonly<Record<string, string>>
}

/** A line as it stands in the text, with the words of it that are compared. */
export interface ReadLine {
  text: string
  words: readonly string[]
}

export interface ReadText {
  form: 'text' | 'plain' | 'html'
  lines: readonly ReadLine[]
}

export interface ReadNotice {
  kind: 'text' | 'mail'
  texts: readonly ReadText[]
  codes: readonly string[]
  /** From the mail's head, in the order in which they should be tried. */
  addresses: readonly string[]
  subject: string | undefined
  findings: readonly Finding[]
  /** Where the texts lead to that is not ours: of weight where the text is not known to be ours anyway. */
  strayLinks: readonly Finding[]
}

/** A notice takes some 20 KB; what is a hundred times as large is none, or carries what we never send. */
export const READ_LIMITS = { textBytes: 200_000, mailBytes: 2_000_000, findings: 12, addresses: 4, codes: 3 } as const

export function finding(code: FindingCode, values: Record<string, string> = {}): Finding {
  return { code, values }
}

/** Each thing once, and not more of them than somebody reads. */
export class Findings {
  readonly #found = new Map<string, Finding>()

  add(code: FindingCode, values: Record<string, string> = {}): void {
    const name = JSON.stringify([code, values])
    if (this.#found.size < READ_LIMITS.findings) this.#found.set(name, { code, values })
  }

  get count(): number {
    return this.#found.size
  }

  all(): Finding[] {
    return [...this.#found.values()]
  }
}
