/**
 * Remembers what a pure function of a text answered, for texts that repeat with every event (keys, names of browsers, hosts).
 * Never for what only one person says: a remembered text stays in memory for long.
 */
export interface RememberLimits {
  /** All of it is forgotten when this many are remembered: no list of what was used when is kept. */
  entriesMax: number
  /** Longer texts are worked out each time. */
  charactersMax: number
}

/** A text that was cut from a longer one keeps all of that in memory. */
export function ownCopy(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string
}

export function remember<Answer>(
  answer: (text: string) => Answer,
  { entriesMax, charactersMax }: RememberLimits,
): (text: string) => Answer {
  const known = new Map<string, Answer>()
  return (text) => {
    const before = known.get(text)
    if (before !== undefined || known.has(text)) return before as Answer
    const made = answer(text)
    if (text.length > charactersMax) return made
    if (known.size >= entriesMax) known.clear()
    known.set(ownCopy(text), made)
    return made
  }
}
