/** The vault's part in leaving a vendor: its epochs are closed, and what it is asked to delete is kept with the erasures. */
import type { LeavingVault } from './erasure-port.ts'
import type { KeyStore } from './key-store.ts'
import type { Look } from './port.ts'

export function leavingVaultOf(parts: { keys: KeyStore; record: (look: Look, counts: Record<string, number>) => void }): LeavingVault {
  const { keys, record } = parts
  const isOf = (vendor: string | undefined) => (each: { vendor: string }) => vendor === undefined || each.vendor === vendor
  return {
    deletions: async (vendor) => ({
      erasures: keys.erasures
        .jobs()
        .map(({ id, deletions }) => ({ erasure: id, deletions: deletions.filter(isOf(vendor)) }))
        .filter(({ deletions }) => deletions.length > 0),
      leaving: keys.leaving.of(vendor),
    }),
    awaitedErasures: async () => keys.erasures.jobs().filter(({ deletions }) => deletions.some(({ state }) => state === 'asked')),
    planLeaving: async (vendor, plan) => keys.leaving.plan(vendor, plan),
    wishLeaving: async (vendor) => keys.leaving.wish(vendor),
    leavingWished: async () => keys.leaving.wished(),
    leavingIn: async (state) => keys.leaving.in(state),
    putLeaving: async (deletion) => keys.leaving.put(deletion),
    closeEpochs: async (destinations, look) => {
      const isActive = ({ destination, state }: { destination: string; state: string }): boolean =>
        state === 'active' && destinations.includes(destination)
      const active = keys.epochs.list().filter(isActive)
      if (active.length === 0) return
      record(look, { epochs: active.length })
      for (const { destination, epoch } of active) keys.epochs.close(destination, epoch)
    },
  }
}
