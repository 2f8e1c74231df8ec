/**
 * When each rule of the pack is due, computed by hand with a paper calendar; beside each line stands how.
 *
 * 2026: 25 November is a Wednesday, 25 December a Friday; 2027: 1 January is a Friday. 2028 is a leap year.
 */
import type { ClockBasis, ClockEvent } from '#model/clock.ts'

type From = [ClockEvent | 'told' | 'vendor-aware' | `done:${string}`, string]

export interface DueLine {
  rule: string
  basis?: ClockBasis
  from: From
  due: string
  how: string
  roles?: string[]
  /** Fewer than everybody. */
  people?: Record<string, number>
  assessed?: [string, string | null, boolean][]
}

export const TOLD = '2026-11-25T18:00:00Z'
const told: From = ['told', TOLD]
/** 8 November in all of the United States. */
const vendor: From = ['vendor-aware', '2026-11-09T00:00:00Z']
const determined: From = ['determined', '2026-11-30T15:00:00Z']
const first = 'first-warning'

export const DUE_TABLE: readonly DueLine[] = [
  // ---------------------------------------------------------------- hours: elapsed time, whatever the day
  { rule: 'eu-sa', basis: first, from: told, due: '2026-11-28T18:00:00Z', how: 'Wednesday 18:00 + 72 h = Saturday 18:00' },
  { rule: 'eu-sa', from: ['confirmed', '2026-12-24T12:00:00Z'], due: '2026-12-27T12:00:00Z', how: 'through Christmas and a weekend' },
  {
    rule: 'eu-sa',
    basis: first,
    from: ['told', '2026-03-28T10:00:00Z'],
    due: '2026-03-31T10:00:00Z',
    how: 'the clock is set forward on 29 March: 11:00 +01 becomes 12:00 +02',
  },
  {
    rule: 'eu-sa',
    basis: first,
    from: ['told', '2026-10-23T10:00:00Z'],
    due: '2026-10-26T10:00:00Z',
    how: 'the clock is set back on 25 October: 12:00 +02 becomes 11:00 +01',
  },
  {
    rule: 'eu-sa',
    basis: first,
    from: ['told', '2028-02-27T09:00:00Z'],
    due: '2028-03-01T09:00:00Z',
    how: '27 February + 3 days with a 29th = 1 March',
  },
  {
    rule: 'uk-ico',
    basis: first,
    from: ['told', '2026-03-27T00:00:00Z'],
    due: '2026-03-30T00:00:00Z',
    how: 'Friday to Monday over the change of the clock',
  },
  { rule: 'uk-pecr', basis: first, from: told, due: '2026-11-28T18:00:00Z', how: '72 h' },
  {
    rule: 'uk-pecr-2025',
    basis: first,
    from: ['told', '2025-03-29T20:00:00Z'],
    due: '2025-03-30T20:00:00Z',
    how: '24 h of elapsed time: the clock is set forward in between, 20:00 +00 becomes 21:00 +01',
  },
  { rule: 'tr-kvkk', basis: first, from: told, due: '2026-11-28T18:00:00Z', how: '72 h' },
  { rule: 'ng-ndpc', basis: first, from: told, due: '2026-11-28T18:00:00Z', how: '72 h' },
  { rule: 'ke-odpc', basis: first, from: told, due: '2026-11-28T18:00:00Z', how: '72 h' },
  { rule: 'sa-sdaia', basis: first, from: told, due: '2026-11-28T18:00:00Z', how: '72 h, through Friday and Saturday' },
  { rule: 'kr-ind', basis: first, from: told, due: '2026-11-28T18:00:00Z', how: '72 h' },
  { rule: 'kr-pipc', basis: first, from: told, due: '2026-11-28T18:00:00Z', how: '72 h' },
  { rule: 'in-certin', from: told, due: '2026-11-26T00:00:00Z', how: '23:30 in India + 6 h = 05:30 of the next day' },
  { rule: 'in-dpb-2', basis: first, from: ['told', '2027-06-01T00:00:00Z'], due: '2027-06-04T00:00:00Z', how: '72 h, once it is in force' },
  { rule: 'in-rbi', from: told, due: '2026-11-26T00:00:00Z', how: '6 h' },
  { rule: 'in-sebi-6h', from: told, due: '2026-11-26T00:00:00Z', how: '6 h' },
  { rule: 'in-sebi-24h', from: told, due: '2026-11-26T18:00:00Z', how: '24 h' },
  { rule: 'in-irdai', from: told, due: '2026-11-26T00:00:00Z', how: '6 h' },
  { rule: 'nis2-24', from: told, due: '2026-11-26T18:00:00Z', how: '24 h' },
  { rule: 'nis2-72', from: told, due: '2026-11-28T18:00:00Z', how: '72 h' },
  { rule: 'dora-4h', from: ['classified', '2026-11-26T08:00:00Z'], due: '2026-11-26T12:00:00Z', how: '4 h from the classification' },
  { rule: 'dora-24h', from: told, due: '2026-11-26T18:00:00Z', how: '24 h from awareness' },
  {
    rule: 'dora-int',
    from: ['done:dora-4h', '2026-11-26T10:00:00Z'],
    due: '2026-11-29T10:00:00Z',
    how: '72 h from the initial notification',
  },
  {
    rule: 'dora-int',
    from: ['done:dora-24h', '2026-11-26T11:00:00Z'],
    due: '2026-11-29T11:00:00Z',
    how: 'the same, filed under the other limit',
  },
  { rule: 'cn-op', from: told, due: '2026-11-25T22:00:00Z', how: '4 h' },
  { rule: 'cn-ciio', from: told, due: '2026-11-25T19:00:00Z', how: '1 h', roles: ['cn-critical'] },
  { rule: 'cn-gov', from: told, due: '2026-11-25T20:00:00Z', how: '2 h', roles: ['cn-state'] },
  { rule: 'ny-dfs', from: told, due: '2026-11-28T18:00:00Z', how: '72 h' },
  { rule: 'us-bank-36h', from: determined, due: '2026-12-02T03:00:00Z', how: '30 November 15:00 + 24 h + 12 h' },
  { rule: 'mn-cra', from: ['people-notified', '2026-12-04T20:00:00Z'], due: '2026-12-06T20:00:00Z', how: '48 h, Friday to Sunday' },
  {
    rule: 'mn-cra',
    from: ['determined', '2026-11-30T15:00:00Z'],
    due: '2026-12-02T15:00:00Z',
    how: '48 h from determining that people must be told, which is before it',
  },
  { rule: 'ch-ncsc', from: told, due: '2026-11-26T18:00:00Z', how: '24 h' },
  { rule: 'cn-netdata', from: told, due: '2026-11-26T18:00:00Z', how: '24 h' },
  { rule: 'ke-proc', from: vendor, due: '2026-11-11T00:00:00Z', how: '48 h from what the vendor knew' },
  // ----------------------------------------------------------- calendar days: the last one to its end, there
  {
    rule: 'ca-ind',
    from: told,
    due: '2026-12-26T07:59:59Z',
    how: '25 November 10:00 in California; day 1 is the 26th, day 30 is 25 December; its end at -08:00',
  },
  {
    rule: 'ca-ind',
    from: ['told', '2026-02-20T18:00:00Z'],
    due: '2026-03-23T06:59:59Z',
    how: '20 February; 28 February is day 8, 22 March day 30; by then the clock is at -07:00',
  },
  {
    rule: 'ca-ind',
    from: ['told', '2026-10-10T18:00:00Z'],
    due: '2026-11-10T07:59:59Z',
    how: '10 October; 31 October is day 21, 9 November day 30; by then back at -08:00',
  },
  {
    rule: 'ca-ind',
    from: ['told', '2028-02-10T18:00:00Z'],
    due: '2028-03-12T07:59:59Z',
    how: '10 February; 29 February is day 19, 11 March day 30, the day before the change of the clock',
  },
  {
    rule: 'ca-ag',
    from: ['people-notified', '2026-12-01T20:00:00Z'],
    due: '2026-12-17T07:59:59Z',
    how: '1 December in California + 15 = 16 December',
  },
  { rule: 'ny-ind', from: told, due: '2026-12-26T04:59:59Z', how: '25 November + 30 = 25 December; its end at -05:00' },
  { rule: 'ny-ind', basis: 'vendor', from: vendor, due: '2026-12-09T04:59:59Z', how: '8 November 19:00 in New York + 30 = 8 December' },
  { rule: 'ny-state', from: told, due: '2026-12-26T04:59:59Z', how: 'the same 30 days' },
  { rule: 'ny-state', basis: 'vendor', from: vendor, due: '2026-12-09T04:59:59Z', how: 'the same, from what the vendor knew' },
  {
    rule: 'ny-hipaa',
    from: ['done:hipaa-hhs-500', '2026-12-23T20:00:00Z'],
    due: '2026-12-29T04:59:59Z',
    how: '23 December 15:00 in New York + 5 = 28 December, through Christmas and a weekend',
  },
  { rule: 'ny-vendor', from: vendor, due: '2026-12-09T04:59:59Z', how: '8 November + 30 = 8 December' },
  {
    rule: 'tx-ind',
    from: determined,
    due: '2027-01-30T05:59:59Z',
    how: '30 November 09:00 in Texas; 31 December is day 31, 29 January day 60; its end at -06:00',
  },
  {
    rule: 'tx-ag-2023',
    from: ['determined', '2023-08-15T15:00:00Z'],
    due: '2023-10-15T04:59:59Z',
    how: '15 August; the 31st is day 16, 30 September day 46, 14 October day 60; its end at -05:00',
  },
  { rule: 'tx-ag', from: determined, due: '2026-12-31T05:59:59Z', how: '30 November + 30 = 30 December' },
  { rule: 'fl-ind', from: told, due: '2026-12-26T04:59:59Z', how: '25 November + 30 = 25 December' },
  { rule: 'fl-ind', basis: 'vendor', from: vendor, due: '2026-12-09T04:59:59Z', how: '8 November 19:00 in Florida + 30 = 8 December' },
  { rule: 'fl-dla', basis: 'vendor', from: vendor, due: '2026-12-09T04:59:59Z', how: 'the same, from what the vendor knew' },
  { rule: 'fl-dla', from: told, due: '2026-12-26T04:59:59Z', how: 'the same' },
  { rule: 'fl-vendor', from: vendor, due: '2026-11-19T04:59:59Z', how: '8 November + 10 = 18 November' },
  {
    rule: 'fl-ind-2024',
    from: ['told', '2024-02-14T18:00:00Z'],
    due: '2024-03-16T03:59:59Z',
    how: '14 February; 29 February is day 15, 15 March day 30; by then the clock is at -04:00',
  },
  { rule: 'fl-dla-2024', from: ['told', '2024-02-14T18:00:00Z'], due: '2024-03-16T03:59:59Z', how: 'the same' },
  {
    rule: 'fl-vendor-2024',
    from: ['vendor-aware', '2024-02-20T03:00:00Z'],
    due: '2024-03-01T04:59:59Z',
    how: '19 February 22:00 in Florida; 29 February is day 10',
  },
  {
    rule: 'co-ind',
    from: determined,
    due: '2026-12-31T06:59:59Z',
    how: '30 November 08:00 in Colorado + 30 = 30 December; its end at -07:00',
  },
  { rule: 'co-ag', from: determined, due: '2026-12-31T06:59:59Z', how: 'the same' },
  { rule: 'wa-ind', from: told, due: '2026-12-26T07:59:59Z', how: '25 November + 30 = 25 December; its end at -08:00' },
  { rule: 'wa-ind', basis: 'vendor', from: vendor, due: '2026-12-09T07:59:59Z', how: '8 November 16:00 in Washington + 30 = 8 December' },
  { rule: 'wa-ag', from: told, due: '2026-12-26T07:59:59Z', how: 'the same 30 days' },
  { rule: 'wa-ag', basis: 'vendor', from: vendor, due: '2026-12-09T07:59:59Z', how: 'the same, from what the vendor knew' },
  {
    rule: 'hipaa-ind',
    from: told,
    due: '2027-01-25T04:59:59Z',
    how: '25 November; 30 November is day 5, 31 December day 36, 24 January day 60',
  },
  {
    rule: 'hipaa-ind',
    basis: 'vendor',
    from: vendor,
    due: '2027-01-08T04:59:59Z',
    how: '8 November; 30 November is day 22, 31 December day 53, 7 January day 60',
  },
  { rule: 'hipaa-hhs-500', from: told, due: '2027-01-25T04:59:59Z', how: 'as for individuals' },
  { rule: 'hipaa-hhs-500', basis: 'vendor', from: vendor, due: '2027-01-08T04:59:59Z', how: 'as for individuals' },
  { rule: 'hipaa-media', from: told, due: '2027-01-25T04:59:59Z', how: 'as for individuals' },
  { rule: 'hipaa-media', basis: 'vendor', from: vendor, due: '2027-01-08T04:59:59Z', how: 'as for individuals' },
  {
    rule: 'hipaa-hhs-small',
    from: told,
    due: '2027-03-02T04:59:59Z',
    how: 'from 31 December 2026; 31 January is day 31, 28 February day 59, 1 March day 60',
    people: { US: 499 },
  },
  {
    rule: 'hipaa-hhs-small',
    from: ['told', '2027-06-01T12:00:00Z'],
    due: '2028-03-01T04:59:59Z',
    how: 'from 31 December 2027; 29 February 2028 is day 60',
    people: { US: 1 },
  },
  { rule: 'hipaa-ba', from: vendor, due: '2027-01-08T04:59:59Z', how: '60 days from what the vendor knew' },
  { rule: 'ftc-glba', from: told, due: '2026-12-26T04:59:59Z', how: '25 November + 30 = 25 December' },
  {
    rule: 'sg-assess',
    from: told,
    due: '2026-12-26T15:59:59Z',
    how: 'it is 26 November in Singapore; day 1 is the 27th, day 30 is 26 December; its end at +08:00',
  },
  {
    rule: 'sg-pdpc',
    from: ['determined', '2026-11-27T17:00:00Z'],
    due: '2026-12-01T15:59:59Z',
    how: 'Saturday 28 November 01:00 in Singapore; day 1 is Sunday the 29th, day 3 is 1 December',
  },
  {
    rule: 'jp-prelim',
    from: told,
    due: '2026-11-30T14:59:59Z',
    how: 'it is 26 November in Japan, which is day 1; day 5 is the 30th; its end at +09:00',
  },
  {
    rule: 'jp-final',
    from: told,
    due: '2027-01-25T14:59:59Z',
    how: '26 November is day 1, 30 November day 5, 31 December day 36, 24 January day 60, a Sunday: Monday the 25th',
  },
  {
    rule: 'jp-final',
    from: ['told', '2026-10-31T01:00:00Z'],
    due: '2027-01-04T14:59:59Z',
    how: '31 October is day 1, 30 November day 31, 29 December day 60; closed up to 3 January, a Sunday: Monday the 4th',
  },
  {
    rule: 'jp-final',
    from: ['told', '2026-07-11T03:00:00Z'],
    due: '2026-09-08T14:59:59Z',
    how: '11 July is day 1, 31 July day 21, 31 August day 52, 8 September day 60, a Tuesday',
  },
  {
    rule: 'jp-final',
    from: ['told', '2026-07-23T03:00:00Z'],
    due: '2026-09-24T14:59:59Z',
    how: '23 July is day 1, 31 July day 9, 31 August day 40, 20 September day 60, a Sunday; 21 (Respect for the Aged), 22 (between two holidays) and 23 (equinox) are holidays: Thursday the 24th',
  },
  {
    rule: 'jp-final-30',
    from: told,
    due: '2026-12-25T14:59:59Z',
    how: '26 November is day 1, 30 November day 5, 25 December day 30, a Friday',
    assessed: [['jp-appi-26', 'jp-final', false]],
  },
  {
    rule: 'cn-final',
    from: ['handled', '2026-12-10T03:00:00Z'],
    due: '2027-01-09T15:59:59Z',
    how: '10 December in China; 31 December is day 21, 9 January day 30',
  },
  {
    rule: 'au-assess',
    from: told,
    due: '2026-12-26T12:59:59Z',
    how: 'it is 26 November in Sydney; day 30 is 26 December; its end at +11:00',
  },
  // ----------------------------------------------------------------------------------------- months
  {
    rule: 'nis2-fin',
    from: ['done:nis2-72', '2026-01-31T12:00:00Z'],
    due: '2026-02-28T22:59:59Z',
    how: 'there is no 31 February: its last day; its end at +01:00',
  },
  { rule: 'nis2-fin', from: ['done:nis2-72', '2028-01-31T12:00:00Z'], due: '2028-02-29T22:59:59Z', how: 'in a leap year the 29th' },
  { rule: 'nis2-fin', from: ['done:nis2-72', '2026-03-15T12:00:00Z'], due: '2026-04-15T21:59:59Z', how: '15 April, by then at +02:00' },
  { rule: 'dora-fin', from: ['done:dora-int', '2026-11-28T09:00:00Z'], due: '2026-12-28T22:59:59Z', how: '28 December' },
  // -------------------------------------------------------------------------------------- business days
  {
    rule: 'sec-8k',
    from: ['material', TOLD],
    due: '2026-12-03T04:59:59Z',
    how: 'Thursday 26 is Thanksgiving; Friday 27, Monday 30, Tuesday 1, Wednesday 2 December',
  },
  {
    rule: 'sec-8k',
    from: ['material', '2026-07-01T15:00:00Z'],
    due: '2026-07-09T03:59:59Z',
    how: 'Thursday 2; Friday 3 stands for Saturday the 4th; Monday 6, Tuesday 7, Wednesday 8; its end at -04:00',
  },
  {
    rule: 'br-anpd',
    basis: first,
    from: ['told', '2026-11-18T15:00:00Z'],
    due: '2026-11-25T02:59:59Z',
    how: 'Thursday 19; Friday 20 is Consciência Negra; Monday 23, Tuesday 24; its end at -03:00',
  },
  { rule: 'br-ind', basis: first, from: ['told', '2026-11-18T15:00:00Z'], due: '2026-11-25T02:59:59Z', how: 'the same' },
  {
    rule: 'br-anpd-small',
    basis: first,
    from: ['told', '2026-11-18T15:00:00Z'],
    due: '2026-11-28T02:59:59Z',
    how: '19, 23, 24, 25, 26, 27',
    roles: ['small-agent'],
  },
  {
    rule: 'br-ind-small',
    basis: first,
    from: ['told', '2026-11-18T15:00:00Z'],
    due: '2026-11-28T02:59:59Z',
    how: 'the same',
    roles: ['small-agent'],
  },
  {
    rule: 'br-supplement',
    from: ['done:br-anpd', '2026-11-24T15:00:00Z'],
    due: '2026-12-23T02:59:59Z',
    how: '25 to 27 November are 3, 30 November to 4 December 8, 7 to 11 13, 14 to 18 18, 21 and 22 December 20',
  },
  {
    rule: 'br-declaration',
    from: ['people-notified', '2026-12-23T15:00:00Z'],
    due: '2026-12-30T02:59:59Z',
    how: 'Thursday 24; Friday is Natal; Monday 28, Tuesday 29',
  },
  {
    rule: 'ia-ag',
    from: ['people-notified', '2026-12-22T18:00:00Z'],
    due: '2026-12-31T05:59:59Z',
    how: 'Wednesday 23, Thursday 24; Friday is Christmas; Monday 28, Tuesday 29, Wednesday 30; its end at -06:00',
  },
  // -------------------------------------------------------- the other states: 25 November + 45 = 9 January, + 60 = 24 January
  {
    rule: 'al-ind',
    from: determined,
    due: '2027-01-15T05:59:59Z',
    how: '30 November; 31 December is day 31, 14 January day 45; its end at -06:00',
  },
  { rule: 'al-ag', from: determined, due: '2027-01-15T05:59:59Z', how: 'the same' },
  { rule: 'al-vendor', from: vendor, due: '2026-11-19T05:59:59Z', how: '8 November 18:00 + 10 = 18 November' },
  { rule: 'az-ind', from: determined, due: '2027-01-15T06:59:59Z', how: '14 January, at -07:00' },
  { rule: 'ct-ind', from: told, due: '2027-01-25T04:59:59Z', how: '24 January' },
  { rule: 'ct-ag', from: told, due: '2027-01-25T04:59:59Z', how: 'the same' },
  { rule: 'de-ind', from: determined, due: '2027-01-30T04:59:59Z', how: '30 November + 60 = 29 January' },
  { rule: 'la-ind', from: told, due: '2027-01-25T05:59:59Z', how: '24 January, at -06:00' },
  { rule: 'md-ind', from: told, due: '2027-01-10T04:59:59Z', how: '9 January' },
  { rule: 'md-vendor', from: vendor, due: '2026-11-19T04:59:59Z', how: '18 November' },
  { rule: 'me-ind', from: told, due: '2026-12-26T04:59:59Z', how: '25 December' },
  { rule: 'nm-ind', from: told, due: '2027-01-10T06:59:59Z', how: '9 January, at -07:00' },
  { rule: 'oh-ind', from: told, due: '2027-01-10T04:59:59Z', how: '9 January' },
  { rule: 'or-ind', from: told, due: '2027-01-10T07:59:59Z', how: '9 January, at -08:00' },
  { rule: 'or-ag', from: told, due: '2027-01-10T07:59:59Z', how: 'the same' },
  { rule: 'or-vendor', from: vendor, due: '2026-11-19T07:59:59Z', how: '8 November 16:00 + 10 = 18 November' },
  { rule: 'ri-ind', from: ['confirmed', TOLD], due: '2027-01-10T04:59:59Z', how: '9 January, from the confirmation' },
  { rule: 'sd-ind', from: told, due: '2027-01-25T05:59:59Z', how: '24 January, at -06:00' },
  { rule: 'tn-ind', from: told, due: '2027-01-10T05:59:59Z', how: '9 January, at -06:00' },
  { rule: 'vt-ind', from: told, due: '2027-01-10T04:59:59Z', how: '9 January' },
  { rule: 'wi-ind', from: told, due: '2027-01-10T05:59:59Z', how: '9 January, at -06:00' },
]
