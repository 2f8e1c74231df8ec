/** The results, printed as they come and once more together at the end; with `--json` as one list. */
export interface Row {
  what: string
  /** Stays the same when the words change; made of the words where it is not given. */
  id?: string
  figure: number
  unit: string
  /** Ours divided by the peer's of the same run, or by the limit. */
  ratio?: number
  peer?: string
  note?: string
  /** CPU of all that was measured, s per million events. */
  cpuPerMillion?: number
  /** Peak resident memory, MB. */
  rssMb?: number
}

export interface Table {
  row(row: Row): void
  /** Something that could not be measured here, and why. */
  absent(what: string, why: string): void
  print(): void
}

/** `npm run bench -- --json`: one of a list. `value` is null where the figure could not be had; `note` then says why. */
interface JsonRow {
  id: string
  value: number | null
  unit?: string | undefined
  peer?: string | undefined
  peerValue?: number | undefined
  ratio?: number | undefined
  cpuPerMillion?: number | undefined
  rssMb?: number | undefined
  what: string
  note?: string | undefined
}

/** `write` takes lines for people; `writeJson`, where the list was asked for, its text at the end. */
export function openTable(write: (line: string) => void, writeJson?: (text: string) => void): Table {
  const lines: string[] = []
  const list: JsonRow[] = []
  const add = (line: string): void => {
    lines.push(line)
    write(line)
  }
  return {
    row: (row) => {
      const { what, figure, unit, ratio, peer, note, cpuPerMillion, rssMb } = row
      const shown = figure >= 100 ? Math.round(figure).toLocaleString('en') : figure.toPrecision(3)
      const against = ratio === undefined ? '' : `  ${ratio.toPrecision(2)} × ${peer}`
      const more = [note, cpuPerMillion === undefined ? undefined : `${cpuPerMillion.toFixed(0)} CPU s per 1M`]
      const words = more.filter((part) => part !== undefined).join(', ')
      add(`${what.padEnd(74)} ${`${shown} ${unit}`.padStart(20)}${against}${words === '' ? '' : `  (${words})`}`)
      const peerValue = ratio === undefined || ratio === 0 ? undefined : figure / ratio
      list.push({ id: row.id ?? idOf(what), value: figure, unit, peer, peerValue, ratio, cpuPerMillion, rssMb, what, note })
    },
    absent: (what, why) => {
      add(`${what.padEnd(74)} ${'not measured'.padStart(20)}  (${why})`)
      list.push({ id: idOf(what), value: null, what, note: why })
    },
    print: () => {
      if (writeJson === undefined) write(`\n${lines.join('\n')}`)
      else writeJson(`${JSON.stringify(list, undefined, 2)}\n`)
    },
  }
}

function idOf(what: string): string {
  return what
    .toLowerCase()
    .replaceAll(/(\d),(?=\d{3})/g, '$1')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
}
