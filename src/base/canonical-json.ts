/** JSON with sorted keys and no space: equal values have equal text, whoever wrote them down and in what order. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, element: unknown) =>
    typeof element === 'object' && element !== null && !Array.isArray(element)
      ? Object.fromEntries(Object.entries(element).sort(([a], [b]) => (a < b ? -1 : 1)))
      : element,
  )
}
