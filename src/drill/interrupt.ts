/** An interrupted drill leaves nothing running and nothing lying about. */
export function onInterrupt(clean: () => Promise<void>): { off(): void } {
  const end = (): void => {
    clean().finally(() => process.exit(130))
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end)
  return {
    off: () => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, end)
    },
  }
}
