/** Tells the vault every few seconds how far a store has come (`#vault/remembered.ts`). */
import type { Remember, Remembering } from '#vault/port.ts'

const EVERY_MS = 2000

/** Heard before it returns: from then on nobody takes this run for one that has ended. `stop` is called when the store is closed. */
export async function keepRemembered(vault: Remembering, part: () => Remember): Promise<{ stop(): Promise<void> }> {
  let said = ''
  const tell = async (): Promise<void> => {
    const now = part()
    const text = JSON.stringify(now)
    if (text === said) return
    await vault.remember(now)
    said = text
  }
  await tell()
  // A vault that does not answer now is told the next time.
  const timer = setInterval(() => void tell().catch(() => undefined), EVERY_MS)
  return {
    stop: async () => {
      clearInterval(timer)
      await vault.remember({ ...part(), final: true }).catch(() => undefined)
    },
  }
}
