/**
 * Requests for measurements: the browser SDK's batch as it stands on the wire (about 900 bytes of JSON an event), as one
 * buffer whose insert ids, people and times are overwritten in place, so that making a request costs the load generator little
 * and no request repeats an earlier one.
 */

/** People who are known before a measurement begins, and the share of events of somebody new. */
export const PEOPLE = 20_000
const NEW_SHARE = 0.02

function template(): string {
  return JSON.stringify({
    event: 'Page opened',
    properties: {
      $os: 'Linux',
      $browser: 'Chrome',
      $browser_version: 131,
      $referrer: 'https://www.search.example/results?q=quarterly+report+template',
      $referring_domain: 'www.search.example',
      $current_url: 'https://app.shop.example/projects/4711/board?view=timeline&filter=open#card-17',
      $screen_height: 1080,
      $screen_width: 1920,
      mp_lib: 'web',
      $lib_version: '2.83.0',
      $insert_id: 'iiiiiiiiiiiiiiii',
      time: 1_000_000_000.001,
      distinct_id: 'user-pppppppp',
      $device_id: '0f0e0d0c-0b0a-4908-8706-pppppppppppp',
      $user_id: 'user-pppppppp',
      $initial_referrer: 'https://www.search.example/results?q=quarterly+report+template',
      $initial_referring_domain: 'www.search.example',
      utm_source: 'newsletter',
      utm_medium: 'email',
      utm_campaign: 'spring launch',
      plan: 'team',
      amount: 12.5,
      items: 3,
      is_trial: false,
      title: 'Quarterly report, second draft',
      company: 'acme-corporation',
      token: 'bench-token',
      mp_sent_by_lib_version: '2.83.0',
    },
  })
}

export interface RequestMaker {
  readonly events: number
  readonly bytes: number
  /** A whole HTTP/1.1 request; valid until the next call. */
  next(): Buffer
}

export function makeRequests(events: number, options: { path?: string; warm?: boolean } = {}): RequestMaker {
  const body = Buffer.from(`[${Array.from({ length: events }, template).join(',')}]`)
  const head = Buffer.from(
    `POST ${options.path ?? '/track/?verbose=1&ip=1'} HTTP/1.1\r\nHost: gateway\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n` +
      'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36\r\n\r\n',
  )
  const whole = Buffer.concat([head, body])
  const insertSlots = slotsOf(whole, 'iiiiiiiiiiiiiiii')
  const deviceSlots = slotsOf(whole, 'pppppppppppp')
  const timeSlots = slotsOf(whole, '1000000000.001')
  const userSlots = slotsOf(whole, 'pppppppp')
  const usersAnEvent = userSlots.length / events
  let counter = 0
  // Unique over runs in one process: the start is part of each insert id, and of the numbers of new people.
  const run = Date.now().toString(36).slice(-6)
  let fresh = PEOPLE + (Date.now() % 70_000_000)
  return {
    events,
    bytes: whole.length,
    next: () => {
      // As an SDK does: a time that stands still or goes back makes every event one that arrives out of order.
      const now = (Date.now() / 1000).toFixed(3)
      for (let event = 0; event < events; event++) {
        counter++
        whole.write(now, (timeSlots[event] as Slot).at, 'latin1')
        const insert = insertSlots[event] as Slot
        whole.write(run + counter.toString(36).padStart(10, '0'), insert.at, 'latin1')
        const isNew = options.warm !== true && counter % (1 / NEW_SHARE) === 0
        const person = isNew ? fresh++ : options.warm === true ? counter % PEOPLE : (counter * 7919) % PEOPLE
        const device = deviceSlots[event] as Slot
        whole.write(String(person).padStart(device.length, '0'), device.at, 'latin1')
        for (let user = event * usersAnEvent; user < (event + 1) * usersAnEvent; user++) {
          const slot = userSlots[user] as Slot
          whole.write(String(person).padStart(slot.length, '0'), slot.at, 'latin1')
        }
      }
      return whole
    },
  }
}

interface Slot {
  at: number
  length: number
}

function slotsOf(text: Buffer, mark: string): Slot[] {
  const slots: Slot[] = []
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + mark.length)) {
    // A longer run of the same letter belongs to the longer mark.
    const before = text[at - 1]
    const after = text[at + mark.length]
    if (before !== mark.charCodeAt(0) && after !== mark.charCodeAt(0)) slots.push({ at, length: mark.length })
  }
  return slots
}
