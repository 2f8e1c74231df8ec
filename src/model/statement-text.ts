/** What is signed of a person's statement; nothing else that the ledger's key signs begins like that. */
export function statementText(sha256: string): string {
  return `bulkhead/statement/v1\n${sha256}\n`
}
