/** Each state of the check page, with the reasons that are longest to read. */
import type { PageParts } from './page.ts'
import type { Judgement } from './verdict.ts'

const code = 'BH-7K2QD-8M4TX-0R9WC-V1HBZ-3ENFJ'
const typed = { code, address: 'asha.rao@example.net', hasText: false }
const fits = { code: 'code_fits', values: { date: '2025-11-26', version: '1' } } as const

export const STATES: Readonly<Record<string, { judgement?: Judgement; typed: NonNullable<PageParts['typed']> }>> = {
  form: { typed: { code: '', address: '', hasText: false } },
  genuine: {
    judgement: { verdict: 'genuine', reasons: [fits, { code: 'text_same', values: {} }, { code: 'dkim_good', values: {} }] },
    typed,
  },
  'genuine-carried': {
    judgement: {
      verdict: 'genuine',
      reasons: [
        fits,
        { code: 'text_same', values: {} },
        { code: 'lines_above', values: {} },
        {
          code: 'lines_known',
          values: { text: 'CAUTION: This email originated from outside of the organization. Do not click links or ope…' },
        },
        { code: 'link_filtered', values: { where: 'eur01.safelinks.protection.outlook.com' } },
        { code: 'dkim_broken', values: {} },
      ],
    },
    typed: { ...typed, hasText: true },
  },
  altered: {
    judgement: {
      verdict: 'altered',
      reasons: [
        {
          code: 'text_changed',
          values: { text: 'We may ask for passwords, verification codes, card numbers or identity papers: by email, phone…' },
        },
        { code: 'text_missing', values: { numbers: '14', count: '31' } },
        { code: 'html_strange', values: { what: 'background-blend-mode' } },
        { code: 'link_lookalike', values: { where: 'nimbusnotes.com.account-verification-centre.net' } },
        fits,
        { code: 'dkim_none', values: {} },
      ],
    },
    typed: { ...typed, hasText: true },
  },
  not_ours: { judgement: { verdict: 'not_ours', reasons: [{ code: 'code_not_for_address', values: {} }] }, typed },
  cannot_tell: {
    judgement: { verdict: 'cannot_tell', reasons: [{ code: 'no_address', values: {} }] },
    typed: { code, address: '', hasText: false },
  },
}
