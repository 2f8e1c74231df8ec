/**
 * A second line for each regime that has but one in the first table: a start at which something is not as on other days. By hand, too.
 *
 * Changes of the clock in 2026: United States 8 March and 1 November, Europe 29 March and 25 October, Sydney 5 April and 4 October.
 */
import type { DueLine } from './testing-due-table.ts'

const first = 'first-warning'

export const DUE_EDGES: readonly DueLine[] = [
  // ---------------------------------------------------------------------------------------------- hours
  { rule: 'ng-ndpc', basis: first, from: ['told', '2028-02-27T09:00:00Z'], due: '2028-03-01T09:00:00Z', how: 'through the leap day' },
  { rule: 'sa-sdaia', basis: first, from: ['told', '2028-02-27T09:00:00Z'], due: '2028-03-01T09:00:00Z', how: 'through the leap day' },
  {
    rule: 'tr-kvkk',
    basis: first,
    from: ['told', '2026-10-23T10:00:00Z'],
    due: '2026-10-26T10:00:00Z',
    how: '13:00 and 13:00: +03 all year',
  },
  {
    rule: 'kr-ind',
    basis: first,
    from: ['told', '2027-02-05T01:00:00Z'],
    due: '2027-02-08T01:00:00Z',
    how: 'Friday to Monday, through the holidays of the lunar new year',
  },
  { rule: 'cn-netdata', from: ['told', '2027-02-05T10:00:00Z'], due: '2027-02-06T10:00:00Z', how: 'to a Saturday and the lunar new year' },
  { rule: 'ch-ncsc', from: ['told', '2026-03-28T20:00:00Z'], due: '2026-03-29T20:00:00Z', how: '21:00 +01 becomes 22:00 +02' },
  {
    rule: 'ny-dfs',
    from: ['told', '2026-10-30T20:00:00Z'],
    due: '2026-11-02T20:00:00Z',
    how: '16:00 -04 becomes 15:00 -05, over a weekend',
  },
  {
    rule: 'us-bank-36h',
    from: ['determined', '2026-03-07T20:00:00Z'],
    due: '2026-03-09T08:00:00Z',
    how: 'Saturday 15:00 -05 becomes Monday 04:00 -04',
  },
  {
    rule: 'in-certin',
    from: ['told', '2028-02-28T20:00:00Z'],
    due: '2028-02-29T02:00:00Z',
    how: '01:30 of the leap day in India + 6 h = 07:30',
  },
  {
    rule: 'in-dpb-2',
    basis: first,
    from: ['told', '2028-02-26T18:30:00Z'],
    due: '2028-02-29T18:30:00Z',
    how: '00:00 of Sunday 27 February in India + 3 days with a 29th = 00:00 of 1 March',
  },
  {
    rule: 'in-rbi',
    from: ['told', '2027-08-14T17:00:00Z'],
    due: '2027-08-14T23:00:00Z',
    how: '22:30 + 6 h = 04:30 of Independence Day, a Sunday',
  },
  { rule: 'in-sebi-6h', from: ['told', '2026-12-31T20:00:00Z'], due: '2027-01-01T02:00:00Z', how: '01:30 of 1 January in India already' },
  { rule: 'in-sebi-24h', from: ['told', '2026-12-31T20:00:00Z'], due: '2027-01-01T20:00:00Z', how: 'to 01:30 of 2 January there' },
  {
    rule: 'in-irdai',
    from: ['told', '2026-12-31T18:29:59Z'],
    due: '2027-01-01T00:29:59Z',
    how: 'the last second of the year in India + 6 h',
  },
  // ---------------------------------------------------------------------------------------------- days
  {
    rule: 'au-assess',
    from: ['told', '2026-09-20T02:00:00Z'],
    due: '2026-10-20T12:59:59Z',
    how: '20 September, at +10:00; 30 September is day 10, 20 October day 30, by then at +11:00',
  },
  {
    rule: 'co-ind',
    from: ['determined', '2026-10-20T15:00:00Z'],
    due: '2026-11-20T06:59:59Z',
    how: '20 October at -06:00; the 31st is day 11, 19 November day 30, by then at -07:00',
  },
  {
    rule: 'ftc-glba',
    from: ['told', '2028-01-31T15:00:00Z'],
    due: '2028-03-02T04:59:59Z',
    how: '31 January; 29 February is day 29, 1 March day 30',
  },
  {
    rule: 'az-ind',
    from: ['determined', '2026-02-20T15:00:00Z'],
    due: '2026-04-07T06:59:59Z',
    how: '20 February; the 28th is day 8, 31 March day 39, 6 April day 45; at -07:00 in summer too',
  },
  {
    rule: 'ct-ind',
    from: ['told', '2028-01-15T15:00:00Z'],
    due: '2028-03-16T03:59:59Z',
    how: '15 January; the 31st is day 16, 29 February day 45, 15 March day 60; by then at -04:00',
  },
  {
    rule: 'de-ind',
    from: ['determined', '2026-09-10T15:00:00Z'],
    due: '2026-11-10T04:59:59Z',
    how: '10 September; the 30th is day 20, 31 October day 51, 9 November day 60; by then at -05:00',
  },
  {
    rule: 'la-ind',
    from: ['told', '2026-01-10T18:00:00Z'],
    due: '2026-03-12T04:59:59Z',
    how: '10 January; the 31st is day 21, 28 February day 49, 11 March day 60; by then at -05:00',
  },
  {
    rule: 'me-ind',
    from: ['told', '2026-10-05T03:00:00Z'],
    due: '2026-11-04T04:59:59Z',
    how: '4 October 23:00 in Maine; the 31st is day 27, 3 November day 30; by then at -05:00',
  },
  {
    rule: 'nm-ind',
    from: ['told', '2028-01-20T18:00:00Z'],
    due: '2028-03-06T06:59:59Z',
    how: '20 January; the 31st is day 11, 29 February day 40, 5 March day 45, a Sunday, which stays the end',
  },
  {
    rule: 'oh-ind',
    from: ['told', '2026-02-01T18:00:00Z'],
    due: '2026-03-19T03:59:59Z',
    how: '1 February; the 28th is day 27, 18 March day 45; by then at -04:00',
  },
  {
    rule: 'ri-ind',
    from: ['confirmed', '2026-10-20T15:00:00Z'],
    due: '2026-12-05T04:59:59Z',
    how: '20 October; the 31st is day 11, 30 November day 41, 4 December day 45',
  },
  {
    rule: 'sd-ind',
    from: ['told', '2027-12-31T18:00:00Z'],
    due: '2028-03-01T05:59:59Z',
    how: '31 December; 31 January is day 31, 29 February day 60',
  },
  {
    rule: 'tn-ind',
    from: ['told', '2026-02-01T05:30:00Z'],
    due: '2026-03-18T04:59:59Z',
    how: '31 January 23:30 in Nashville; 28 February is day 28, 17 March day 45; by then at -05:00',
  },
  {
    rule: 'vt-ind',
    from: ['told', '2026-12-25T15:00:00Z'],
    due: '2027-02-09T04:59:59Z',
    how: 'told on Christmas; 31 December is day 6, 31 January day 37, 8 February day 45',
  },
  {
    rule: 'wi-ind',
    from: ['told', '2026-01-22T18:00:00Z'],
    due: '2026-03-09T04:59:59Z',
    how: '22 January; the 31st is day 9, 28 February day 37, 8 March day 45, which has 23 hours and ends at -05:00',
  },
  // --------------------------------------------------------------------------------------- business days
  {
    rule: 'ia-ag',
    from: ['people-notified', '2027-12-23T18:00:00Z'],
    due: '2028-01-04T05:59:59Z',
    how: 'Thursday 23; Friday 24 stands for Christmas on Saturday; Monday 27 to Thursday 30 are 4; Friday 31 stands for New Year; Monday 3 January',
  },
]
