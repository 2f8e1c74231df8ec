/** A scope that is narrowed to a file, as lines for people. */
import type { NarrowedShown, NarrowResult } from '#api/narrow-contract.ts'
import { count, when } from './render.ts'

export function renderNarrow({
  incident,
  state,
  version,
  approval,
  what,
  countsFrom,
  file,
  stay,
  leftOut,
  unavailable,
}: NarrowResult): string {
  const people = `${count(stay, 'person', 'people')} would stay and ${count(leftOut, 'person', 'people')} would be left out`
  if (state === 'proposed')
    return [
      `Proposal ${approval}: narrow scope version ${version} of incident ${incident} to the file ${file.id}. Nothing has changed yet.`,
      `${people}. The file: sha256 ${file.sha256}.`,
      `What is approved, to the letter: ${what}`,
      countsFrom === null
        ? `Somebody else approves it (bulkhead approval approve ${approval} --as FILE --reason "…"); then give this command again.`
        : `It counts from ${when(countsFrom)} on; then give this command again.`,
    ].join('\n')
  const done = `${count(stay, 'person', 'people')} stay, ${leftOut} are left out`
  return [
    `Scope version ${version} of incident ${incident} is narrowed below the ledger: ${done}.`,
    unavailable === null ? `Proposal ${approval} is used.` : `It could not be counted yet (${unavailable}).`,
    `All of the ledger again: bulkhead incident amend ${incident} --whole-ledger`,
  ].join('\n')
}

/** `leftOut`: as of now, where it is known. */
export function narrowedText({ sha256, stay, leftOut, approval, proposedBy, approvedBy }: NarrowedShown, now?: number | null): string {
  const by = `proposal ${approval} of ${proposedBy}, approved by ${approvedBy}`
  return `below the ledger to the file ${sha256.slice(0, 16)}…: ${stay} stayed, ${now ?? leftOut} more in the ledger (${by})`
}
