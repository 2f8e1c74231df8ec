import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { PlainValue } from '#model/log-entry.ts'
import { wordedPath } from './coarsen.ts'
import {
  BROWSER_FAMILIES,
  COUNTRIES,
  OS_FAMILIES,
  browserFamily,
  bucketOf,
  clientOf,
  compilePaths,
  countryCode,
  majorVersion,
  osFamily,
  pathTemplate,
  referrerOf,
  screenSide,
} from './forms.ts'
import { identityKeyOf } from './identity-keys.ts'

const anything = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.webUrl({ withQueryParameters: true, withFragments: true }),
  fc.domain(),
  fc.emailAddress(),
)

describe('user agents', () => {
  it('become family and major version', () => {
    const chrome = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.7339.81 Safari/537.36'
    assert.deepEqual(clientOf(chrome), { os: 'Windows', browser: 'Chrome', browserVersion: 140 })
    assert.deepEqual(clientOf(chrome + ' Edg/140.0.3485.54'), { os: 'Windows', browser: 'Edge', browserVersion: 140 })
    const phone =
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1'
    assert.deepEqual(clientOf(phone), { os: 'iOS', browser: 'Safari', browserVersion: 18 })
    assert.deepEqual(clientOf('Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0'), {
      os: 'Linux',
      browser: 'Firefox',
      browserVersion: 143,
    })
    assert.deepEqual(clientOf('Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)').browser, 'Bot')
    assert.deepEqual(clientOf('AshaVermasBrowser/3.1 (private)'), { os: 'Other', browser: 'Other' })
    assert.deepEqual(clientOf(undefined), {})
  })

  it('and SDK values stay in the closed vocabularies, whatever is sent', () => {
    assert.deepEqual(['Mac OS X', 'Windows 11', 'iPadOS', 'Chrome OS', 'TempleOS'].map(osFamily), [
      'macOS',
      'Windows',
      'iOS',
      'Chrome OS',
      'Other',
    ])
    assert.deepEqual(['Mobile Safari', 'Chrome iOS', 'Microsoft Edge', 'Samsung Internet', 'Ann'].map(browserFamily), [
      'Safari',
      'Chrome',
      'Edge',
      'Samsung Internet',
      'Other',
    ])
    const versions = [140, 999, 1000, '17.4.1', ' 9', '123456', 'x', null].map(majorVersion)
    assert.deepEqual(versions, [140, 999, undefined, 17, 9, undefined, undefined, undefined])
    fc.assert(
      fc.property(anything, fc.constantFrom('', 'Mozilla/5.0 ', 'Version/'), (text, before) => {
        const client = clientOf(before + text + '/1.0 ')
        assert.ok(client.os === undefined || OS_FAMILIES.has(client.os))
        assert.ok(client.browser === undefined || BROWSER_FAMILIES.has(client.browser))
        assert.ok(client.browserVersion === undefined || Number.isInteger(client.browserVersion))
        assert.ok(OS_FAMILIES.has(osFamily(text)) && BROWSER_FAMILIES.has(browserFamily(text)))
      }),
    )
  })
})

describe('buckets', () => {
  it('are bounded by 1, 2 and 5 times powers of ten, towards zero', () => {
    const known: [PlainValue, PlainValue][] = [
      [0, 0],
      [-0, 0],
      [1, 1],
      [4711, 2000],
      [1000, 1000],
      [999.99, 500],
      [-0.03, -0.02],
      [1e-9, 0],
      [1e-6, 1e-6],
      [9e-7, 0],
      [5e12, 5e12],
      [true, true],
      ['4711', '*'],
      [
        [7, 'a', false],
        [5, '*', false],
      ],
    ]
    for (const [value, bucket] of known) assert.deepEqual(bucketOf(value), bucket)
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.double({ noNaN: true, noDefaultInfinity: true }), (a, b) => {
        const [low, high] = [bucketOf(Math.min(a, b)) as number, bucketOf(Math.max(a, b)) as number]
        assert.ok(low <= high, 'order is kept')
        assert.equal(bucketOf(low), low, 'a bound is its own bucket')
        const [bucket, size] = [Math.abs(bucketOf(a) as number), Math.abs(a)]
        assert.ok(bucket <= size && (size < 1e-6 || size < 2.5 * bucket), `${a} is in the bucket ${bucket}`)
      }),
    )
  })
})

describe('referrers', () => {
  const rules = { approved: new Set(['blog.example']), own: new Set(['shop.test']) }

  it('become a medium, with the domain of known and approved sites alone', () => {
    const seen = [
      'https://www.google.co.in/search?q=asha+verma',
      'https://mail.google.com/mail/u/0/',
      'https://out.reddit.com/x',
      't.co',
      'www.bing.com',
      'https://app.shop.test/a',
      'https://news.blog.example/?u=1',
      'https://asha-verma.example/',
      'http://203.0.113.9/x',
      '$direct',
      '',
      'google',
      'https://google.asha.example/',
      // No ending that anybody gives out: a name, and a site only where an address says so.
      'https://google.asha-verma/',
      'google.asha-verma',
    ].map((text) => referrerOf(text, rules))
    assert.deepEqual(seen, [
      { medium: 'search', domain: 'google.com' },
      { medium: 'email', domain: 'google.com' },
      { medium: 'social', domain: 'reddit.com' },
      { medium: 'social', domain: 't.co' },
      { medium: 'search', domain: 'bing.com' },
      { medium: 'internal' },
      { medium: 'referral', domain: 'blog.example' },
      { medium: 'referral' },
      { medium: 'referral' },
      { medium: 'direct' },
      { medium: 'direct' },
      undefined,
      { medium: 'referral' },
      { medium: 'referral' },
      undefined,
    ])
  })

  it('never give a domain from outside the lists', () => {
    fc.assert(
      fc.property(fc.domain(), (host) => {
        const domain = referrerOf(`https://zqx${host}/`, rules)?.domain
        assert.equal(domain, undefined)
      }),
    )
  })
})

describe('paths', () => {
  const rules = compilePaths(['pricing', '/orders/*/invoice', '/orders/*/*', '/', 'preise-für-alle', '*'])

  it('keep approved segments and templates, and nothing else', () => {
    const seen = [
      'https://ann:pw@shop.test/pricing?email=a@b.example#x',
      '/orders/42/invoice',
      '/orders/42/asha',
      '/orders/42',
      'https://shop.test',
      '/preise-f%C3%BCr-alle/',
      '/PRICING',
      'https://shop.test/%E0%A4/pricing',
      '//evil.test/x',
      'javascript:alert(1)',
      'pricing',
      'https:\\\\shop.test\\pricing',
    ].map((text) => pathTemplate(text, rules))
    assert.deepEqual(seen, [
      '/pricing',
      '/orders/*/invoice',
      '/orders/*/*',
      '/*/*',
      '/',
      '/preise-für-alle',
      '/*',
      '/*/pricing',
      undefined,
      undefined,
      undefined,
      undefined,
    ])
  })

  it('are cut where they are endless, and of what fits several templates alike the first counts', () => {
    const stars = '/*'.repeat(12)
    const long = '/pricing'.repeat(20)
    assert.equal(pathTemplate(long, compilePaths([])), stars)
    assert.equal(pathTemplate(long, rules), '/pricing'.repeat(12))
    assert.equal(pathTemplate('/a'.repeat(13), compilePaths(['/a'.repeat(12)])), stars)
    assert.equal(pathTemplate('/a/b', compilePaths(['/a/*', '/*/b'])), '/a/*')
  })

  it('never give a segment from outside the lists', () => {
    fc.assert(
      fc.property(anything, (text) => {
        const template = pathTemplate(text.startsWith('http') ? text : `/${text}`, rules)
        if (template === undefined) return
        for (const part of template.split('/'))
          assert.ok(['', '*', 'pricing', 'orders', 'invoice', 'preise-für-alle'].includes(part), template)
      }),
    )
  })
})

describe('other context', () => {
  it('takes assigned country codes and screens within bounds', () => {
    assert.equal(COUNTRIES.size, 249)
    assert.equal(countryCode('ß'), undefined, 'in capitals it is two letters')
    assert.deepEqual(['in', 'US', 'XX', 'EU', 'UK', 'India', 91, null].map(countryCode), [
      'IN',
      'US',
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ])
    assert.deepEqual([1920, 0, 99_999, 1080.4, '1920', Number.NaN].map(screenSide), [
      1920,
      undefined,
      undefined,
      1080,
      undefined,
      undefined,
    ])
  })

  it('knows identity keys in any spelling, and leaves others alone', () => {
    const named = {
      email: 'E-Mail',
      user_email: 'x',
      userEmail: 'x',
      mail: 'x',
      'Full Name': 'x',
      firstName: 'x',
      last_name: 'x',
      PHONE: 'x',
      mobile: 'x',
      dob: 'x',
      ip: 'x',
      address: 'x',
      ｅｍａｉｌ: 'x',
    }
    for (const key of Object.keys(named)) assert.equal(identityKeyOf(key)?.own, true, key)
    assert.deepEqual(identityKeyOf('recipient_email'), { field: 'email', own: false })
    for (const key of [
      'plan',
      'emails_sent',
      'page_name',
      'file name',
      'phone_type',
      'addresses_count',
      'tokens',
      'constructor',
      '__proto__',
      'toString',
      '',
      `${'x'.repeat(60)}email`,
    ])
      assert.equal(identityKeyOf(key), undefined, key)
  })
})

it('tells programs, in-app browsers and systems that stand behind the name of an app', () => {
  const agents: Record<string, object> = {
    'Mozilla/5.0 (compatible; SomeBot/2.1; +https://some.example/bot)': { browser: 'Bot' },
    'python-requests/2.31.0': { browser: 'Bot' },
    'MyShop/70 CFNetwork/978.0.7 Darwin/18.5.0': { os: 'iOS' },
    'ExampleApp/1 iPhone5,2 iOS/10_1 CFNetwork/808.3 Darwin/16.3.0': { os: 'iOS' },
    'ExampleApp/1 Dalvik/2.1.0 (Linux; U; Android 6.0.1; vivo 1610 Build/MMB29M)': { os: 'Android' },
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS;FBAV/440.0]':
      {
        os: 'iOS',
        browser: 'Facebook',
      },
    // The name of a telephone.
    'Mozilla/5.0 (Linux; Android 6.0; CUBOT MAX) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/72.0.3626.121 Mobile Safari/537.36': {
      os: 'Android',
      browser: 'Chrome',
    },
  }
  for (const [agent, expected] of Object.entries(agents)) assert.deepEqual({ ...clientOf(agent), ...expected }, clientOf(agent), agent)
})

it('names what stands in the places of a path by kind, and keeps words of all products alone', () => {
  const paths: Record<string, string | undefined> = {
    'https://x.example/users/asha-verma/orders/123?email=a@b.c#x': '/users/{text}/orders/{number}',
    '/projects/550e8400-e29b-41d4-a716-446655440000/settings': '/projects/{uuid}/settings',
    '/blog/2024-11-08/': '/blog/{date}',
    '/u/asha%40verma.example/edit': '/{text}/{email}/edit',
    '/reset/9f8e7d6c5b4a3f2e1d0c': '/reset/{token}',
    '/items/A-17': '/items/{id}',
    '/Settings/BILLING': '/settings/billing',
    '/': '/',
    'mailto:a@b.example': undefined,
    '': undefined,
  }
  for (const [address, path] of Object.entries(paths)) assert.equal(wordedPath(address), path, address)
})
