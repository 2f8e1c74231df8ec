/** Subjects and shapes that the tests and the pictures of notices share: one of each kind that people get. */
import {
  formatNoticeCode,
  type ExposedField,
  type NoticeMember,
  type NoticePerson,
  type NoticeShape,
  type NoticeSubject,
} from '#model/notice-text.ts'

export const CODE = formatNoticeCode(Buffer.from('1b2c3d4e', 'hex'), Buffer.from('000102030405060708090a0b0c', 'hex')).text

export function testingSubject(over: Partial<NoticeSubject> = {}): NoticeSubject {
  return {
    incident: 7,
    version: 1,
    versionId: '1b2c3d4e',
    company: 'Nimbus Notes',
    officialDomain: 'nimbus.example',
    checkUrl: 'https://nimbus.example/check',
    contact: {
      team: 'Privacy team',
      mail: 'privacy@nimbus.example',
      hours: '09:00–18:00 (IST)',
      languages: ['en', 'hi'],
      dpo: 'Asha Rao',
    },
    vendor: { name: 'Mixpanel', what: 'analytics provider' },
    times: {
      eventFrom: Date.UTC(2025, 10, 8, 19, 0),
      eventTo: Date.UTC(2025, 10, 9, 4, 30),
      vendorAware: Date.UTC(2025, 10, 9, 6, 0),
      told: Date.UTC(2025, 10, 25, 14, 10),
      aware: Date.UTC(2025, 10, 25, 20, 45),
    },
    zone: 'Asia/Kolkata',
    notSent: ['birth_date', 'ip', 'location', 'national_id', 'postal_code', 'address'],
    checked: { policyFrom: 3, policyTo: 11, entries: 184_220, since: Date.UTC(2025, 2, 3), isEarlierUnknown: true },
    measures: ['cut', 'deletion-asked'],
    checkpoint: { size: 184_220, root: 'q3S0y9wZ0m1c4vFzq2n1mE7rQyQH0o5kB8y8ZB1n2xA=' },
    date: Date.UTC(2025, 10, 26, 8, 0),
    ...over,
  }
}

const CODES: ExposedField[] = [
  { field: 'user_id', form: 'pseudonym' },
  { field: 'device_id', form: 'pseudonym' },
  { field: 'group_id', form: 'pseudonym' },
  { field: 'insert_id', form: 'pseudonym' },
]
const CONTEXT: ExposedField[] = [
  { field: 'country', form: 'coarse' },
  { field: 'os', form: 'coarse' },
  { field: 'browser', form: 'coarse' },
  { field: 'referrer', form: 'coarse' },
  { field: 'event', form: 'clear' },
  { field: 'time', form: 'coarse' },
]

function shape(key: string, sent: ExposedField[], over: Partial<NoticeShape> = {}): NoticeShape {
  return { key, kind: 'person', sent, surfaces: ['web'], possibleOnly: false, ...over }
}

/** A subject that contradicts nothing in the shape. */
export function testingSubjectOf(shape: NoticeShape, over: Partial<NoticeSubject> = {}): NoticeSubject {
  const subject = testingSubject(over)
  return { ...subject, notSent: subject.notSent.filter((field) => !shape.sent.some((sent) => sent.field === field)) }
}

/** Named by what is in them; the pictures are called so too. */
export function testingShapes(): Record<string, NoticeShape> {
  const clear: ExposedField[] = [
    { field: 'email', form: 'clear' },
    { field: 'name', form: 'clear' },
    { field: 'phone', form: 'clear' },
  ]
  const properties: ExposedField[] = [
    { field: 'property.plan', form: 'clear' },
    { field: 'property.seats', form: 'coarse' },
    { field: 'property.search text', form: 'clear', freeText: true },
  ]
  return {
    codes: shape('codes', [...CODES, ...CONTEXT]),
    only_codes: shape('only_codes', [{ field: 'user_id', form: 'pseudonym' }], { surfaces: [''] }),
    alias: shape('alias', [{ field: 'email', form: 'alias' }, ...CODES, ...CONTEXT, ...properties], { surfaces: ['web', 'android'] }),
    clear: shape('clear', [...clear, { field: 'city', form: 'coarse' }, ...CODES, ...CONTEXT, ...properties], {
      surfaces: ['web', 'android'],
    }),
    everything: shape('everything', [
      ...clear,
      ...(['address', 'postal_code', 'birth_date', 'username', 'avatar', 'user_id'] as const).map((field) => ({
        field,
        form: 'clear' as const,
      })),
      ...CODES,
      ...CONTEXT,
      { field: 'property.api_key_hint', form: 'clear' },
    ]),
    possible: shape('possible', [...CODES, ...CONTEXT], { possibleOnly: true }),
    organisation: shape('organisation', [...clear, ...CODES, ...CONTEXT, ...properties], { kind: 'organisation' }),
    organisation_codes: shape('organisation_codes', [...CODES, ...CONTEXT], { kind: 'organisation' }),
    organisation_list: shape('organisation_list', [...clear, ...CODES, ...CONTEXT], { kind: 'organisation', memberList: true }),
  }
}

/** Two who can be shown by address, one by name, and one who can only be counted. */
export function testingMembers(): NoticeMember[] {
  return [
    { address: 'ravi@rao.example', name: 'Ravi' },
    { name: 'मीरा राव' },
    { address: 'Asha.Rao@rao.example' },
    { address: '"a b"@rao.example' },
  ]
}

export function testingPerson(over: Partial<NoticePerson> = {}): NoticePerson {
  return { name: 'Asha Rao', code: CODE, organisation: { name: 'Rao & Sons Pvt. Ltd.', members: 23, listed: testingMembers() }, ...over }
}

/** Names that somebody chose in order to speak through a notice, or to break it. */
export const HOSTILE_NAMES: readonly string[] = [
  '',
  ' ',
  'Asha\r\nBcc: all@evil.example',
  'Asha\nSubject: other',
  'Asha\u2028Rao',
  'Asha\u0000',
  '<b>Asha</b>',
  '<script>alert(1)</script>',
  '{code}',
  '{vendor}{url}',
  '$&',
  '\\u003c',
  'evil.example',
  'http://evil.example/x',
  'www.evil.example',
  'asha@evil.example',
  'Asha\u202eoaR',
  '\u2066Asha\u2069',
  'As\u200bha',
  'As\u00adha',
  'As\u200dha',
  'As\ufe0fha',
  'As\u034fha',
  '\u3164\u3164',
  '\u115f',
  'А\u0440p\u0430\u0443l', // Cyrillic and Latin in one name
  'Аsha', // begins with a Cyrillic letter
  'Aकsha',
  'aि',
  '𝐀𝐬𝐡𝐚',
  'Asha 😀',
  '👩‍👩‍👧',
  'A1 Rao',
  '1234567890',
  `Z${'\u0301'.repeat(4)}`,
  `Z${'\u0489'.repeat(3)}`,
  'क'.repeat(4000),
  'A '.repeat(2000),
  'Your account is closed call us now please',
  'A'.repeat(41),
  'Click-here-to-win-money-for-free',
  '..',
  "'",
  '- Asha',
  '> Asha',
  '*Asha*',
  '_Asha_',
  '"Asha"',
  '=?utf-8?q?x?=',
  '\ue000',
  '\ue002',
  '\ud800',
]
