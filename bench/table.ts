/** The results, printed as they come and once more together at the end. */
export interface Row {
  what: string
  figure: number
  unit: string
  /** Ours divided by the peer's of the same run. */
  ratio?: number
  peer?: string
  note?: string
}

export interface Table {
  row(row: Row): void
  /** Something that could not be measured here, and why. */
  absent(what: string, why: string): void
  print(): void
}

export function openTable(write: (line: string) => void): Table {
  const lines: string[] = []
  const add = (line: string): void => {
    lines.push(line)
    write(line)
  }
  return {
    row: ({ what, figure, unit, ratio, peer, note }) => {
      const shown = figure >= 100 ? Math.round(figure).toLocaleString('en') : figure.toPrecision(3)
      const against = ratio === undefined ? '' : `  ${ratio.toPrecision(2)} × ${peer}`
      add(`${what.padEnd(74)} ${`${shown} ${unit}`.padStart(20)}${against}${note === undefined ? '' : `  (${note})`}`)
    },
    absent: (what, why) => add(`${what.padEnd(74)} ${'not measured'.padStart(20)}  (${why})`),
    print: () => write(`\n${lines.join('\n')}`),
  }
}
