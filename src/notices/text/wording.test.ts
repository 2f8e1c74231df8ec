/** Rules of wording over all that a notice can say: each sentence, and each rendered notice. docs/notices.md has the reasons. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NoticeShape, NoticeSubject } from '#model/notice-text.ts'
import { renderNotice } from './render.ts'
import { loadNoticeTemplates, type NoticeTemplate } from './templates.ts'
import { CODE, testingPerson, testingShapes, testingSubjectOf } from './testing-notices.ts'

const templates = loadNoticeTemplates()
const shapes = testingShapes()

/** Every sentence of a language with its key; what is filled in stands as `{}`. */
function sentencesOf(template: NoticeTemplate): [key: string, text: string][] {
  const joined = (parts: readonly string[]) => parts.map((part, index) => (index % 2 === 0 ? part : '{}')).join('')
  return [
    ...[...template.messages].map(([key, parts]): [string, string] => [key, joined(parts)]),
    ...[...template.plurals].flatMap(([key, forms]) =>
      [...forms].map(([form, parts]): [string, string] => [`${key}.${form}`, joined(parts)]),
    ),
    ...[...template.patterns].map(([key, parts]): [string, string] => [key, joined(parts)]),
    ...template.fields,
    ...template.vendors,
  ]
}

function notice(language: string, shape: NoticeShape, over: Partial<NoticeSubject> = {}): string {
  return renderNotice(templates, language, testingSubjectOf(shape, over), shape, testingPerson()).text
}

/** Whole words; in Hindi a word ends where no letter or sign follows. */
function words(list: string): RegExp {
  const any = list
    .split(',')
    .map((word) => word.trim().replaceAll(' ', '\\s+'))
    .join('|')
  return new RegExp(`(?<![\\p{L}\\p{M}])(?:${any})(?![\\p{L}\\p{M}])`, 'iu')
}

const FORBIDDEN: Record<string, Record<string, RegExp>> = {
  en: {
    urgency: words(
      'urgent,urgently,immediately,hurry,act now,at once,right away,now,deadline,as soon as possible,expire,expires,suspended,must',
    ),
    bait: words(
      'click,click here,log in here,sign in here,verify your account,confirm your,reward,compensation,refund,prize,free,gift,discount',
    ),
    marketing: words(
      'valued,seriously,top priority,our priority,committed,commitment,proud,trusted,industry,excited,apologise,inconvenience,thank you for',
    ),
    minimising: words(
      'merely,only,just,limited,small,minor,simply,no reason to worry,not worry,low risk,unlikely,harmless,safe,secure,isolated',
    ),
    'a promised negative': words(
      'not affected,not exposed,not stolen,not leaked,not at risk,not accessed,no evidence,confirmed,proof,prove,proves,proven,guarantee,certain,unaffected',
    ),
    'a leak as a fact': words(
      'was stolen,were stolen,was leaked,were leaked,hackers,criminals,stole,was accessed,is affected,are affected,were affected',
    ),
    jargon: words(
      'data subject,data principal,data fiduciary,controller,processor,pseudonym,pseudonymous,leverage,utilise,pursuant,aforementioned',
    ),
  },
  hi: {
    urgency: words('तुरंत,तुरन्त,फ़ौरन,फौरन,जल्दी,जल्द से जल्द,अभी,आख़िरी मौक़ा,अंतिम तिथि,अनिवार्य,शीघ्र'),
    bait: words('क्लिक,यहाँ क्लिक करें,लॉग इन करें,सत्यापित करें,इनाम,मुआवज़ा,रिफ़ंड,मुफ़्त,उपहार,छूट'),
    marketing: words('सर्वोच्च प्राथमिकता,प्राथमिकता,प्रतिबद्ध,गंभीरता से,मूल्यवान,असुविधा,धन्यवाद,गर्व'),
    minimising: words('मात्र,मामूली,छोटी,सीमित,चिंता न करें,चिंता की कोई बात,घबराएँ,सुरक्षित,ख़तरा नहीं'),
    'a promised negative': words('प्रभावित नहीं,लीक नहीं,चोरी नहीं,सबूत,साबित,पुष्टि,गारंटी,निश्चित,बेशक'),
    'a leak as a fact': words('चोरी हो गया,चुरा लिया,लीक हो गया,लीक हुआ,हैकर,हैकरों,अपराधी,प्रभावित हुआ है,प्रभावित हुए हैं'),
    jargon: words('डेटा प्रिंसिपल,डेटा फिड्यूशियरी,छद्मनामित,नियंत्रक,तत्पश्चात,उपरोक्त,एतद्द्वारा,तू,तुम,तुम्हारा,तुम्हें'),
  },
}

test('no urgency, no bait, no marketing, nothing made small, no promise that was not checked', () => {
  for (const language of templates.languages) {
    const rules = FORBIDDEN[language]
    assert.ok(rules, `wording.test.ts has no list of words for ${language}`)
    for (const [key, text] of sentencesOf(templates.get(language)))
      for (const [rule, pattern] of Object.entries(rules)) {
        const found: string | undefined = pattern.exec(text)?.[0]
        assert.equal(found, undefined, `${language} ${key}: ${rule} (${found})`)
      }
    for (const [key, text] of sentencesOf(templates.get(language)))
      assert.doesNotMatch(text, /[!?]|\p{Lu}{4,}|\p{Extended_Pictographic}/u, `${language} ${key}`)
  }
})

test('the lists of words find what they are for', () => {
  const planted: [language: string, rule: string, text: string][] = [
    ['en', 'urgency', 'Act  now to keep your account.'],
    ['en', 'bait', 'Please click below.'],
    ['en', 'minimising', 'It was only your name.'],
    ['en', 'a promised negative', 'Your passwords were not exposed.'],
    ['en', 'a leak as a fact', 'You are affected.'],
    ['hi', 'urgency', 'कृपया तुरंत पासवर्ड बदलें।'],
    ['hi', 'bait', 'यहाँ क्लिक करें।'],
    ['hi', 'minimising', 'चिंता न करें, यह मामूली बात है।'],
    ['hi', 'a promised negative', 'आपका पासवर्ड लीक नहीं हुआ।'],
    ['hi', 'a leak as a fact', 'आपका डेटा चोरी हो गया।'],
  ]
  for (const [language, rule, text] of planted) assert.match(text, FORBIDDEN[language]?.[rule] ?? /^$/, text)
})

test('the words that counsel reads stand as they were agreed', () => {
  const { codes, clear, organisation, possible } = shapes
  assert.ok(codes && clear && organisation && possible)
  for (const shape of [codes, clear]) {
    assert.match(notice('en', shape), /You may be affected: data about you was sent through our systems to Mixpanel\./)
    assert.match(notice('en', shape), /What was not among the fields that we sent to Mixpanel: /)
    assert.match(notice('en', shape), /We checked versions 3 to 11 of our rules and all 184,220 entries of our record\./)
  }
  assert.match(
    notice('en', organisation),
    /Members of your organisation may be affected: data about them was sent through our systems to Mixpanel\./,
  )
  assert.match(
    notice('en', possible),
    /You may be affected: we cannot rule out that data about you was sent through our systems to Mixpanel\./,
  )
  for (const shape of Object.values(shapes))
    assert.deepEqual(
      notice('en', shape)
        .match(/[^ ]+ [^ ]+ affected\b/gi)
        ?.filter((text) => !/may be affected$/i.test(text)) ?? [],
      [],
    )
  assert.match(notice('hi', clear), /हो सकता है कि इसका असर आप पर भी पड़ा हो: आपसे जुड़ा डेटा हमारे सिस्टम से होकर Mixpanel को भेजा गया था।/)
  assert.match(notice('hi', clear), /हमने Mixpanel को जो जानकारी भेजी, उसमें ये चीज़ें नहीं थीं: /)
})

test('a field that a property is named like is not called absent, and nobody is told that names were not in the list', () => {
  const { codes } = shapes
  assert.ok(codes)
  const all = ['email', 'name', 'phone', 'address', 'birth_date', 'ip', 'city']
  const withKey = (key: string, freeText?: true): NoticeShape => ({
    ...codes,
    sent: [...codes.sent, { field: `property.${key}`, form: 'clear', ...(freeText === undefined ? {} : { freeText }) }],
  })
  assert.match(notice('en', codes, { notSent: all }), /Mixpanel: your email address, your name, your phone number, your postal address, /)
  for (const key of ['contact_email', 'contactEmail2', 'E-Mail', 'email']) {
    const text = notice('en', withKey(key), { notSent: all })
    assert.doesNotMatch(/What was not among[^\n]*/.exec(text)?.[0] ?? '', /email/, key)
    assert.doesNotMatch(text, /are not in the list above/, key)
    assert.match(text, /some of the details above may name you or show how to reach you/, key)
  }
  const dob = notice('en', withKey('userDOB'), { notSent: ['birth_date'] })
  assert.doesNotMatch(dob, /What was not among/)
  const typed = notice('en', withKey('search', true), { notSent: all })
  assert.match(typed, /“search”, which may hold words that somebody typed/)
  assert.match(typed, /We cannot say this of details that may hold words that somebody typed/)
  assert.match(typed, /if you typed a password as one of the details/)
  assert.doesNotMatch(typed, /are not in the list above|hardly anything/)
})

test('approved names of events hold nobody’s words, and an address is what it is called', () => {
  const { clear } = shapes
  assert.ok(clear)
  const sent = [...clear.sent.filter(({ field }) => !field.startsWith('property.')), { field: 'address', form: 'clear' as const }]
  const text = notice('en', { ...clear, sent: sent.map((one) => ({ ...one, freeText: true as const })) })
  assert.doesNotMatch(text, /typed/)
  const searched = notice('en', { ...clear, sent: [...sent, { field: 'search_keyword', form: 'clear', freeText: true }] })
  assert.match(searched, /- words that you searched for, which may hold words that somebody typed/)
  const rough = notice('en', { ...clear, sent: [...sent, { field: 'property.seats', form: 'coarse', freeText: true }] })
  assert.match(rough, /- a detail called “seats” \(given roughly\)\n/)
  assert.doesNotMatch(rough, /typed/)
})

test('what another field in the clear can hold is not called absent', () => {
  const { codes } = shapes
  assert.ok(codes)
  const absent = (field: string) => {
    const shape: NoticeShape = { ...codes, sent: [...codes.sent, { field, form: 'clear' }] }
    const notSent = ['email', 'name', 'first_name', 'postal_code', 'city', 'phone'].filter((one) => one !== field)
    return { text: notice('en', shape, { notSent }), told: /What was not among[^\n]*/.exec(notice('en', shape, { notSent }))?.[0] ?? '' }
  }
  assert.match(absent('avatar').told, /your email address, your name, your phone number, your postal code, and your city/)
  assert.doesNotMatch(absent('name').told, /first name/)
  assert.doesNotMatch(absent('address').told, /postal code|city|name/)
  assert.doesNotMatch(absent('user_id').told, /email|name|phone/)
  assert.match(absent('user_id').text, /some of the details above may name you/)
  assert.doesNotMatch(absent('user_id').text, /are not in the list above/)
})

test('a key that could hold a secret is not passed over, and one that could be a link is counted', () => {
  const { codes } = shapes
  assert.ok(codes)
  for (const key of ['password', 'resetToken', 'api-key', 'user_pin', 'OTP']) {
    const text = notice('en', { ...codes, sent: [...codes.sent, { field: `property.${key}`, form: 'clear' }] })
    assert.match(text, /one of the details above may hold a password, a key or a code/, key)
    assert.doesNotMatch(text, /no field for passwords/, key)
  }
  for (const key of ['evil.example', 'http://evil.example', 'a\u202eb', 'x\ny', '<b>', 'k'.repeat(65), ' x']) {
    const text = notice('en', { ...codes, sent: [...codes.sent, { field: `property.${key}`, form: 'clear' }] })
    assert.match(text, /- 1 more detail, whose name cannot be shown here/, key)
    assert.equal(text.includes(key) && key !== ' x', false, key)
  }
})

test('only measures on record are told, and each way in which a person can be reached has its advice', () => {
  const { clear, everything, only_codes: onlyCodes } = shapes
  assert.ok(clear && everything && onlyCodes)
  const none = notice('en', clear, { measures: [] })
  assert.match(none, /no measure was on our record yet/)
  assert.doesNotMatch(none, /We stopped|We asked|We ended|We replaced/)
  const all = notice('en', clear, { measures: ['cut', 'deletion-asked', 'retired', 'credentials-rotated'] })
  for (const told of [/We stopped sending/, /We asked Mixpanel to delete/, /We ended our use/, /We replaced the access keys/])
    assert.match(all, told)
  for (const told of [
    /Such false messages are called phishing/,
    /calls or texts you in our name/,
    /letters in our name/,
    /two-step sign-in/,
    /tell your bank/,
  ])
    assert.match(notice('en', everything), told)
  const quiet = notice('en', onlyCodes)
  assert.match(quiet, /There is hardly anything that you need to do/)
  assert.doesNotMatch(quiet, /phishing|calls or texts|letters in our name|two-step|your bank/)
  assert.match(quiet, /You do not need to change your password because of this breach: there is no field for passwords in the list above/)
})

/** Sentences of prose; lists of fields, dates and contacts are looked up, not read. */
function proseOf(text: string): string[] {
  return text
    .split('\n\n')
    .filter((paragraph) => !/\d{4}, |“|root |: .*, .*, /u.test(paragraph) && paragraph.split(' ').length > 4)
    .flatMap((paragraph) => paragraph.replace(/^- /u, '').split(/(?<=[.।])\s+/u))
    .filter((sentence) => sentence.trim() !== '' && !sentence.includes(CODE))
}

test('sentences are short: 12 words in the mean and 30 at most in English, 16 and 32 in Hindi', () => {
  const limits: Record<string, { mean: number; most: number }> = { en: { mean: 12, most: 30 }, hi: { mean: 16, most: 32 } }
  for (const language of templates.languages) {
    const limit = limits[language]
    assert.ok(limit)
    for (const [name, shape] of Object.entries(shapes)) {
      const lengths = proseOf(notice(language, shape)).map((sentence) => sentence.split(/\s+/u).length)
      const mean = lengths.reduce((sum, length) => sum + length, 0) / lengths.length
      assert.ok(lengths.length > 15 && mean <= limit.mean, `${language} ${name}: ${mean} words in the mean`)
      assert.ok(Math.max(...lengths) <= limit.most, `${language} ${name}: ${Math.max(...lengths)} words in one sentence`)
      if (process.env.SHOW_LENGTHS !== undefined)
        process.stdout.write(`${language} ${name}: ${lengths.length} sentences, mean ${mean.toFixed(1)}, most ${Math.max(...lengths)}\n`)
    }
  }
})

test('nothing of the person stands in a notice but the name in the greeting', () => {
  const { everything } = shapes
  assert.ok(everything)
  const mail = renderNotice(templates, 'en', testingSubjectOf(everything), everything, testingPerson({ name: 'Zeno Quux' }))
  assert.equal(mail.text.split('Zeno Quux').length, 2)
  assert.equal(mail.html.split('Zeno Quux').length, 2)
  assert.equal(mail.subject.includes('Zeno'), false)
  assert.equal(mail.personal.length, 2)
})
