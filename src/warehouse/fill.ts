/**
 * Filling events with what opened after an approval: rows of one arrival day get an event's name and properties that they did not
 * have. What is to be filled in lies in the table `openings` first; then the day is written anew, once (`renew-day.ts`).
 */
import { assert } from '#base/errors.ts'
import type { EngineConnection } from '#warehouse/engine.ts'
import { DAY, renewDay, rowsOf } from '#warehouse/renew-day.ts'
import { createTable, EVENTS, OPENINGS } from '#warehouse/schema.ts'

/** What a repeated fill finds done already is left as it is: keys that are there keep their value. */
const FRESH = `arrayFilter(pair -> NOT has(JSONExtractKeys(e.properties), pair.1), JSONExtractKeysAndValuesRaw(o.properties))`
const ADDED = `arrayStringConcat(arrayMap(pair -> concat(toJSONString(pair.1), ':', pair.2), ${FRESH}), ',')`
const FILLED: Readonly<Record<string, string>> = {
  event: `if(o.seq > 0 AND e.event = '' AND e.type = 'event', o.event, e.event)`,
  properties: `if(o.seq = 0 OR ${ADDED} = '', e.properties,
    if(e.properties = '', concat('{', ${ADDED}, '}'), concat(substring(e.properties, 1, length(e.properties) - 1), ',', ${ADDED}, '}')))`,
  waitingCount: `if(o.seq = 0 OR ${ADDED} = '', e.waitingCount, e.waitingCount - least(e.waitingCount, o.opened))`,
}

/** A mark of somebody who has refused stays a mark, whatever was waiting beside it. */
const FILLABLE = `if(position(consent, '"withoutPerson":') > 0, toUInt64(0), seq)`

/** Rows that were found; nobody else writes meanwhile. `fill` names the rows of `openings` that count. */
export function fillDay(writer: EngineConnection, day: string, fill: number): Promise<number> {
  assert(DAY.test(day) && Number.isSafeInteger(fill), 'a fill has a day and a number')
  return writer.exclusively(async (execute) => {
    const [asked] = await rowsOf<{ openings: number; found: number }>(
      execute,
      `SELECT count() AS openings, countIf((seq, recordIndex) IN (SELECT seq, recordIndex FROM ${EVENTS.name} WHERE arrival = '${day}')) AS found
        FROM ${OPENINGS.name} WHERE fill = ${fill}`,
    )
    const found = Number(asked?.found ?? 0)
    if (found > 0) await renewDay(execute, day, filledFrom(day, fill))
    await execute(`TRUNCATE TABLE ${OPENINGS.name}`)
    return found
  })
}

/** For the first opening of a day: what an earlier fill left behind goes. */
export async function prepareOpenings(writer: EngineConnection): Promise<void> {
  await writer.execute(createTable(OPENINGS))
}

function filledFrom(day: string, fill: number): (names: readonly string[]) => string {
  return (names) => `SELECT ${names.map((name) => FILLED[name] ?? `e.${name}`).join(', ')}
    FROM (SELECT *, ${FILLABLE} AS fillable FROM ${EVENTS.name} WHERE arrival = '${day}') AS e
    LEFT ANY JOIN (SELECT * FROM ${OPENINGS.name} WHERE fill = ${fill}) AS o ON e.fillable = o.seq AND e.recordIndex = o.recordIndex`
}
