/** Not ours, or nothing to compare. */
import { type CheckCase, textOf } from './testing-case.ts'
import { composed } from './testing-check.ts'

export const OTHERS: readonly CheckCase[] = [
  // -------------------------------------------------------------------------------------------- not ours
  {
    name: 'the code of somebody else',
    verdict: 'not_ours',
    reasons: ['code_not_for_address'],
    make: ({ address }, hindi) => ({ code: hindi.code, address }),
  },
  {
    name: 'an invented code',
    verdict: 'not_ours',
    reasons: ['code_not_for_address'],
    make: ({ address }) => ({ code: 'BH-7K2QD-00000-11111-22222-33333', address }),
  },
  {
    name: 'a code with one letter wrong',
    verdict: 'not_ours',
    reasons: ['code_not_for_address'],
    make: ({ code, address }) => ({ code: code.slice(0, -1) + (code.endsWith('7') ? '8' : '7'), address }),
  },
  {
    name: 'a code too short',
    verdict: 'not_ours',
    reasons: ['code_form'],
    make: ({ code, address }) => ({ code: code.slice(0, -2), address }),
  },
  {
    name: 'no code at all in its place',
    verdict: 'not_ours',
    reasons: ['code_form'],
    make: ({ address }) => ({ code: 'password123', address }),
  },
  {
    name: 'an address that got none',
    verdict: 'not_ours',
    reasons: ['code_not_for_address'],
    make: ({ code }) => ({ code, address: 'stranger@example.org' }),
  },
  {
    name: 'the whole mail sent again to somebody else',
    verdict: 'not_ours',
    make: async (notice) => ({ content: await composed(notice.mail, 'stranger@example.org', { isSigned: false }) }),
  },
  {
    name: 'the text with an invented code',
    verdict: 'not_ours',
    reasons: ['code_not_for_address'],
    make: (notice) => textOf(notice, (text) => text.replace(notice.code, 'BH-7K2QD-00000-11111-22222-33333')),
  },
  {
    name: 'the text with a broken code',
    verdict: 'not_ours',
    reasons: ['code_form'],
    make: (notice) => textOf(notice, (text) => text.replace(notice.code, 'BH-7K2QD-000')),
  },
  {
    name: 'a phish that imitates us',
    verdict: 'not_ours',
    reasons: ['code_not_for_address', 'link_lookalike', 'from_lookalike'],
    make: async (notice) => ({
      content: await composed(notice.mail, notice.address, {
        from: 'Nimbus Notes security <security@nimbusnotes-support.com>',
        html: `<p>Dear Asha Rao, your check code is BH-7K2QD-00000-11111-22222-33333. <a href="https://nimbusnotes.com.account-check.net/">Confirm your password</a></p>`,
        text: false,
        isSigned: false,
      }),
      address: notice.address,
    }),
  },

  // ----------------------------------------------------------------------------------------- cannot tell
  { name: 'nothing', verdict: 'cannot_tell', reasons: ['nothing_given'], make: () => ({}) },
  { name: 'an address alone', verdict: 'cannot_tell', reasons: ['nothing_given'], make: ({ address }) => ({ address }) },
  { name: 'a code alone', verdict: 'cannot_tell', reasons: ['no_address'], make: ({ code }) => ({ code }) },
  { name: 'a text without an address', verdict: 'cannot_tell', reasons: ['no_address'], make: ({ mail }) => ({ content: mail.text }) },
  {
    name: 'a text without a code',
    verdict: 'cannot_tell',
    reasons: ['no_code'],
    make: (notice) => textOf(notice, () => 'Dear customer, your data may be affected.'),
  },
  {
    name: 'a phish without a code',
    verdict: 'cannot_tell',
    reasons: ['no_code', 'link_lookalike'],
    make: (notice) => textOf(notice, () => 'Confirm at https://nimbusnotes.com-check.net/ now'),
  },
  {
    name: 'some bytes',
    verdict: 'cannot_tell',
    reasons: ['no_code'],
    make: ({ address }) => ({ content: Buffer.from([0, 255, 1, 254, 128, 0, 13, 10]), address }),
  },
  {
    name: 'attached to another mail',
    verdict: 'cannot_tell',
    reasons: ['attached_mail'],
    make: async (notice) => ({
      content: await composed(notice.mail, 'help@nimbusnotes.com', {
        from: notice.address,
        text: 'Is this real?',
        html: false,
        isSigned: false,
        attachments: [{ filename: 'notice.eml', content: notice.eml, contentType: 'message/rfc822' }],
      }),
      address: notice.address,
    }),
  },
  {
    name: 'a text as long as a book',
    verdict: 'cannot_tell',
    reasons: ['too_large'],
    make: (notice) => ({ content: `${notice.mail.text}\n${'word '.repeat(60_000)}`, address: notice.address, code: notice.code }),
  },
]
