/** What stands on the command line, read at the edge: a wrong word is refused with what would be right. */
import { InvalidArgumentError } from 'commander'

/** For an option that may be given several times. */
export function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value]
}

export const incidentNumber = idOf('an incident', 'incident list')
export const signalNumber = idOf('a signal', 'signal list')

function idOf(what: string, list: string): (text: string) => number {
  return (text) => {
    if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError(`The id of ${what} is a number; \`bulkhead ${list}\` names them.`)
    return Number(text)
  }
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,12}$/.test(text)) throw new InvalidArgumentError('Give a whole number.')
  return Number(text)
}

export function wholeNumberFrom(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN
    if (!(number >= least && number <= most)) throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`)
    return number
  }
}

export const PORT_EXPECTED = 'a number from 0 (any free port) to 65535'

export function portNumber(text: string): number {
  const port = decodePort(text)
  if (port === undefined) throw new InvalidArgumentError(`Give ${PORT_EXPECTED}.`)
  return port
}

export function decodePort(text: string): number | undefined {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined
}

export function fraction(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= 0 && value <= 1)) throw new InvalidArgumentError('Give a number from 0 to 1.')
  return value
}
