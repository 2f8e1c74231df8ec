/**
 * One mail for one address: who reads it is told once what was sent of all whose notices go there. People are put together when their
 * mail is made, by the addresses of that moment, and what it says is one of the approved texts: the one of all that was sent of them.
 * Where there is no such text, and where somebody has moved to an address that had its mail already, the next version tells them.
 */
import type { NoticeShape } from '#model/notice-text.ts'
import { NEXT_VERSION, type NoticeRecipient, type RecipientChange } from '#records/notice-rows.ts'

/** Somebody with the address as it is now. */
export interface Addressed {
  row: NoticeRecipient
  /** '': there is none. */
  tag: string
}

/** Gets the mail. */
export interface Group<One extends Addressed> {
  head: One
  /** All whom it tells, with the head. */
  told: readonly One[]
  shape: number
}

/** Notices to an administrator are of an organisation: another text, and another mail. */
export function placeOf(organisation: number, tag: string): string {
  return `${organisation} ${tag}`
}

/** `holders`: whoever had, or is getting, the mail of that place. All in the order of their numbers. */
export function groupByAddress<One extends Addressed>(
  people: readonly One[],
  holders: ReadonlyMap<string, NoticeRecipient>,
  shapes: readonly NoticeShape[],
): { groups: Group<One>[]; changes: RecipientChange[] } {
  const changes: RecipientChange[] = []
  const groups: Group<One>[] = []
  const places = Map.groupBy(people, ({ row, tag }) => placeOf(row.organisation, tag))
  for (const [place, here] of places) {
    const holder = holders.get(place)
    if (holder !== undefined) {
      const held = shapes[holder.shape]
      for (const { row, tag } of here) {
        const isCovered = isTold(held, shapes[row.shape]) && listsAllOf(holder, row)
        changes.push(...(isCovered ? joined(row, holder.number, tag) : later(row, tag)))
      }
      continue
    }
    // Of administrators the one with the longest list first: theirs is the list that the mail has.
    const some = here.toSorted((one, other) => other.row.members - one.row.members)
    const [head] = some as [One]
    const group = putTogether(some, shapes)
    const told = new Set(group.told)
    for (const one of some) {
      const { row, tag } = one
      if (one === head) changes.push(...(row.joined === 0 && row.tag === tag ? [] : [{ ...freed(row), tag }]))
      else changes.push(...(told.has(one) ? joined(row, head.row.number, tag) : later(row, tag)))
    }
    groups.push({ head, ...group })
  }
  return { groups, changes }
}

/** Of all of them where that text is approved; else of as many as there is one for. */
function putTogether<One extends Addressed>(all: readonly One[], shapes: readonly NoticeShape[]): { told: One[]; shape: number } {
  const [head] = all as [One]
  const some = all.filter(({ row }) => listsAllOf(head.row, row))
  if (some.every(({ row }) => row.shape === head.row.shape)) return { told: [...some], shape: head.row.shape }
  const whole = some.reduce<NoticeShape | undefined>((sum, { row }) => union(sum, shapes[row.shape]), shapes[head.row.shape])
  const shared = find(whole, shapes)
  if (shared !== undefined) return { told: [...some], shape: shared }
  const told = [head]
  let { shape } = head.row
  for (const one of some.slice(1)) {
    const next = find(union(shapes[shape], shapes[one.row.shape]), shapes)
    if (next === undefined) continue
    told.push(one)
    shape = next
  }
  return { told, shape }
}

/** What was sent of both. */
export function union(one: NoticeShape | undefined, other: NoticeShape | undefined): NoticeShape | undefined {
  if (one === undefined || other === undefined) return undefined
  const sent = new Map([...one.sent, ...other.sent].map((each) => [nameOf(each), each]))
  return { ...one, sent: [...sent.values()], possibleOnly: one.possibleOnly && other.possibleOnly }
}

function find(wanted: NoticeShape | undefined, shapes: readonly NoticeShape[]): number | undefined {
  if (wanted === undefined) return undefined
  const key = keyOf(wanted)
  const found = shapes.findIndex((shape) => keyOf(shape) === key)
  return found === -1 ? undefined : found
}

function keyOf({ kind, sent, possibleOnly, memberList }: NoticeShape): string {
  return [kind, possibleOnly, memberList === true, ...sent.map(nameOf).sort()].join(' ')
}

function nameOf({ field, form }: NoticeShape['sent'][number]): string {
  return `${field}:${form}`
}

/** Whether somebody who was told the first knows the second. */
function isTold(told: NoticeShape | undefined, owed: NoticeShape | undefined): boolean {
  const both = union(told, owed)
  return told !== undefined && both !== undefined && keyOf(both) === keyOf(told)
}

/** Whether a mail to one administrator names, or counts, all members of whom another is to be told. Of people it is nothing. */
function listsAllOf(told: NoticeRecipient, owed: NoticeRecipient): boolean {
  if (owed.members > told.members) return false
  const listed = new Set(owed.list.length === 0 ? [] : told.list)
  return owed.list.every((member) => listed.has(member))
}

function freed({ number }: NoticeRecipient): RecipientChange {
  return { number, state: 'waiting', why: null, joined: 0 }
}

function joined(row: NoticeRecipient, head: number, tag: string): RecipientChange[] {
  const { number } = row
  return row.joined === head && row.tag === tag ? [] : [{ number, state: 'skipped', why: 'same_address', joined: head, tag }]
}

function later({ number }: NoticeRecipient, tag: string): RecipientChange[] {
  return [{ number, state: 'skipped', why: NEXT_VERSION, joined: 0, tag }]
}
