/** Checks of vendors on their way out: what they owe, what waits for them, and credentials that outlive the contract. */
import { cannotTell, type CheckRule, type Facts, fail, type Finding, named, ok, warn } from './facts.ts'

export const LEAVING_CHECKS: readonly CheckRule[] = [
  { id: 'deletions', look: deletions },
  { id: 'credentials', look: credentials },
  { id: 'held_decision', look: heldDecision },
]

function deletions({ leaving, isRunning }: Facts): Finding[] {
  if (leaving === undefined) return isRunning ? [cannotTell('what vendors owe cannot be looked at', 'See the check `vault`.')] : []
  return leaving.flatMap(({ vendor, state, deletions: counts }): Finding[] => {
    if (counts === undefined) return []
    const { due, asked, overdue, refused, done } = counts
    if (due + asked + overdue + refused + done === 0) return []
    const what = `identifiers to delete: ${due} due, ${asked} asked, ${overdue} overdue, ${refused} refused; vendor says done: ${done}`
    const see = `\`bulkhead vendor deletions ${vendor}\``
    if (overdue > 0) return [named(vendor, warn(what, `It has not kept its promise: write to it (${see}).`))]
    if (refused > 0) return [named(vendor, warn(what, `${see} says why; it is asked again by itself.`))]
    if (due > 0 && state === 'retired') {
      return [
        named(vendor, warn(what, `Keep it in bulkhead.yaml, with its deletionToken, until it was asked; ${see} says why it was not.`)),
      ]
    }
    return [named(vendor, ok(what))]
  })
}

/** A token that nobody has revoked still opens a door of ours, whatever the contract says. */
function credentials({ leaving = [] }: Facts): Finding[] {
  return leaving.flatMap(({ vendor, state, toRotate }): Finding[] => {
    if (toRotate.length === 0) return []
    const fix = `Change or revoke them at the vendor, then \`bulkhead vendor credential ${vendor} NAME --rotated --reason R\`.`
    if (state === 'retired') return [named(vendor, fail(`left, and still knows us by: ${toRotate.join(', ')}`, fix))]
    return [named(vendor, warn(`was cut, and since then nobody has changed: ${toRotate.join(', ')}`, fix))]
  })
}

function heldDecision({ leaving = [] }: Facts): Finding[] {
  return leaving.flatMap(({ vendor, heldDecided }): Finding[] => {
    if (heldDecided) return []
    const fix = `\`bulkhead vendor held ${vendor}\` shows them; undecided, they are sent when the flow opens.`
    return [named(vendor, warn('events wait for it, and nobody has decided what becomes of them', fix))]
  })
}
