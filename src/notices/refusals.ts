/**
 * What the refusals of one sending say together. One that is of the person makes the notice `failed` once this server is known to take
 * mails from us; until then it may be a server that knows nobody (a wrong one, or one that relays for none), and whoever it refuses
 * waits. So does everybody of whom it is not clear, until the server takes the next mail. Where it goes on like that, the sending ends
 * and all of them wait for somebody who sets the mail server right. Whose mail is too large for the server waits until nobody else is
 * left, and then ends the sending: it is of our text and of that server, and the person would be told by neither.
 */
import { type Refusal, signatureOf } from './refusal.ts'

/** So many refusals alike and nothing taken in between are not of so many people. */
export const ALIKE_MAX = 20
/** So many by rules of the server, while it has taken nothing. */
const RULES_MAX = 3
/** Fewer of whom nothing is clear are taken to be of the people, when nobody else is left to ask for. */
const LEFT_MAX = 3
/** So often in a row, with longer and longer pauses, a connection may be refused after it was of use. */
const CONNECTIONS_MAX = 10

export type Judgement = 'failed' | 'held' | 'ends'

export class Refusals {
  readonly #held = new Map<number, Refusal>()
  #hasAccepted = false
  #connections = 0
  #ending: Refusal | undefined

  /** Why the sending ends. */
  get ending(): Refusal | undefined {
    return this.#ending
  }

  /** Whom it has refused since it took a mail. */
  get heldCount(): number {
    return this.#held.size
  }

  /** The server took a mail: what it refused before was of those people. They have failed by now. */
  accepted(): [number: number, refusal: Refusal][] {
    this.#hasAccepted = true
    this.#connections = 0
    return this.#release()
  }

  /** Of a connection on which nobody was named yet. True: the sending ends. */
  refusedUs(refusal: Refusal): boolean {
    this.#connections += 1
    if (!this.#hasAccepted || this.#connections >= CONNECTIONS_MAX) this.#ending ??= refusal
    return this.#ending !== undefined
  }

  /** It is tried again: what becomes of it is open. */
  again(number: number): void {
    this.#held.delete(number)
  }

  refused(number: number, refusal: Refusal): Judgement {
    if (this.#hasAccepted && refusal.about === 'person') return 'failed'
    this.#held.set(number, refusal)
    const held = [...this.#held.values()]
    const isOfUs = !this.#hasAccepted && refusal.about === 'us'
    const rules = this.#hasAccepted ? 0 : held.filter(({ about }) => about === 'rule').length
    // Others may be smaller.
    const isOfFew = this.#hasAccepted && refusal.about === 'size'
    if (isOfUs || rules >= RULES_MAX || (!isOfFew && alike(held, refusal) >= ALIKE_MAX)) this.#ending ??= refusal
    return this.#ending === undefined ? 'held' : 'ends'
  }

  /** Nobody is left to ask for. Who has failed; none of them when the sending ends for it. */
  drained(): [number: number, refusal: Refusal][] {
    const held = [...this.#held.values()]
    const ofUs = held.filter(({ about }) => about === 'us' || about === 'rule')
    const unclear = held.filter(({ about }) => about === 'unclear')
    const [first] = ofUs.length > 0 ? ofUs : unclear
    if (first !== undefined) {
      const isOfUs = ofUs.length >= (this.#hasAccepted ? LEFT_MAX : 1)
      const isNobody = !this.#hasAccepted && unclear.length === held.length && alike(held, first) >= Math.max(LEFT_MAX, held.length)
      if (isOfUs || isNobody) this.#ending ??= first
    }
    if (this.#ending !== undefined) return []
    const failed = this.#release()
    this.#ending = held.find(({ about }) => about === 'size')
    return failed
  }

  #release(): [number, Refusal][] {
    const released = [...this.#held].filter(([, { about }]) => about !== 'size')
    for (const [number] of released) this.#held.delete(number)
    return released
  }
}

function alike(held: readonly Refusal[], refusal: Refusal): number {
  const signature = signatureOf(refusal)
  return held.filter((each) => signatureOf(each) === signature).length
}
