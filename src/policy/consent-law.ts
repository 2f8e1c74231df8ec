/**
 * What law makes of silence and of browsers' signals, by country: defaults, not legal advice. `bulkhead.yaml` overrides
 * each line (`consent.countries`). Only the country of a person is kept, so a rule of one of its parts counts for all of it
 * where it is the stricter one and many live there (GPC in the United States), and is named in `note` where it is not.
 */
export const CONSENT_LAW_AS_OF = '2026-11-26'

export interface ConsentLaw {
  countries: string
  /** What silence means for what is not needed to give the service that a person asked for. */
  silence: 'opt-in' | 'opt-out'
  /** Whether law makes GPC count. */
  gpc: 'binds' | 'none'
  source: string
  note?: string
}

/** What is not listed is `opt-out`, and GPC does not bind there. */
export const CONSENT_LAW: readonly ConsentLaw[] = [
  {
    countries: 'AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO',
    silence: 'opt-in',
    gpc: 'binds',
    source: 'Directive 2002/58/EC, Art. 5(3); Regulation (EU) 2016/679, Art. 4(11), 6, 7; for signals Art. 21(5)',
    note: 'Some authorities exempt audience measurement for the site alone (in France CNIL, deliberation 2020-091): that is the own store, no vendor.',
  },
  {
    countries: 'AX GF GP MQ RE YT MF',
    silence: 'opt-in',
    gpc: 'binds',
    source: 'Territories of member states in which the law of the Union holds, TFEU Art. 355(1) and (4), with country codes of their own',
  },
  {
    countries: 'GB GI',
    silence: 'opt-in',
    gpc: 'binds',
    source:
      'Privacy and Electronic Communications (EC Directive) Regulations 2003, reg. 6; UK GDPR, Art. 4(11), 7, 21(5); for Gibraltar its own of 2006',
    note: 'The Data (Use and Access) Act 2025 adds exceptions, among them statistics on the use of the service itself: choose them by purpose.',
  },
  {
    countries: 'TR',
    silence: 'opt-in',
    gpc: 'none',
    source: 'Law 6698, Art. 5; KVKK guideline on cookies (2022)',
  },
  {
    countries: 'CN',
    silence: 'opt-in',
    gpc: 'none',
    source: 'Personal Information Protection Law, Art. 13, 14, 23',
  },
  {
    countries: 'KR',
    silence: 'opt-in',
    gpc: 'none',
    source: 'Personal Information Protection Act, Art. 15, 17, 22',
  },
  {
    countries: 'US',
    silence: 'opt-out',
    gpc: 'binds',
    source: 'California: Cal. Code Regs. tit. 11, § 7025; Colorado: 4 CCR 904-3, rule 5; and the universal opt-outs of other states',
    note: 'It is an opt-out of sale and sharing. Whether a vendor is a service provider, to whom it does not apply, is for its contract to say.',
  },
  {
    countries: 'CA',
    silence: 'opt-out',
    gpc: 'none',
    source: 'Personal Information Protection and Electronic Documents Act, Sch. 1, principle 4.3',
    note: 'Quebec (CQLR c. P-39.1, s. 8.1) wants functions that identify, locate or profile off at first: set CA to opt-in where many live there.',
  },
]

export function countriesWhere(is: (law: ConsentLaw) => boolean): string[] {
  return CONSENT_LAW.filter(is)
    .flatMap(({ countries }) => countries.split(' '))
    .sort()
}
