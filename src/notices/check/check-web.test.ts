import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { BulkheadError } from '#base/errors.ts'
import type { NoticeVault } from '#vault/notice-port.ts'
import { withVault } from '#vault/testing.ts'
import { CheckDesk } from './check-desk.ts'
import { CheckWeb, type WebRequest } from './check-web.ts'
import { type NoticeReader, ThreadReader } from './reader.ts'
import { CONTACT, MARKS, type SentNotice, sendNotices } from './testing-check.ts'

async function withPage(body: (web: CheckWeb, notice: SentNotice, clock: { now: number }) => Promise<void>, broken?: Partial<NoticeVault>) {
  const reader = new ThreadReader()
  try {
    await withVault(async ({ notices }) => {
      const [notice] = await sendNotices(notices, [{ address: 'asha.rao@example.net', name: 'Asha Rao' }])
      const vault = { checkNotice: broken?.checkNotice ?? notices.checkNotice.bind(notices) }
      const clock = { now: 1_800_000_000_000 }
      const desk = new CheckDesk({ vault, marks: MARKS, reader })
      const web = new CheckWeb({ desk, reader, marks: MARKS, contact: CONTACT, defaultLanguage: 'en', now: () => clock.now })
      await body(web, notice as SentNotice, clock)
    })
  } finally {
    await reader.close()
  }
}

const request = (over: Partial<WebRequest> = {}): WebRequest => ({
  method: 'GET',
  query: new URLSearchParams(),
  headers: {},
  body: new Uint8Array(),
  place: '4/32/1',
  network: undefined,
  ...over,
})

async function posted(fields: Record<string, string | Blob>, over: Partial<WebRequest> = {}): Promise<WebRequest> {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  const response = new Response(form)
  const body = new Uint8Array(await response.arrayBuffer())
  return request({
    method: 'POST',
    body,
    ...over,
    headers: { 'content-type': response.headers.get('content-type') ?? '', ...over.headers },
  })
}

test('the form and each answer say what they are, set nothing, load nothing and keep to themselves', async () => {
  await withPage(async (web, { code, address }) => {
    for (const asked of [request(), await posted({ code, address }), await posted({ code, address: '"><script>x</script>@a.b' })]) {
      const { status, headers, body } = await web.answer(asked)
      assert.equal(status, 200)
      assert.equal(headers['set-cookie'], undefined)
      assert.equal(headers['cache-control'], 'no-store')
      assert.equal(headers['referrer-policy'], 'no-referrer')
      assert.match(headers['x-robots-tag'] ?? '', /noindex/)
      const style = /<style>([\s\S]*?)<\/style>/.exec(body)?.[1] as string
      const hash = createHash('sha256').update(style).digest('base64')
      assert.equal(
        headers['content-security-policy'],
        `default-src 'none'; style-src 'sha256-${hash}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
      )
      assert.doesNotMatch(body.replace(style, ''), /<script|\son[a-z]+=|style=|src=|url\(|@import|<link|<iframe/i)
    }
  })
})

test('what somebody pastes or types is shown as text, and a pasted text leaves its place open', async () => {
  await withPage(async (web, { code, address, mail }) => {
    const text = `${mail.text}\n<img src=x onerror=alert(1)> & "more"`
    const { body } = await web.answer(await posted({ code, address, text }))
    assert.ok(body.includes('&lt;img src=x onerror=alert(1)&gt; &amp; &quot;more&quot;'), body)
    assert.ok(!body.includes('<img'))
    assert.match(body, /<details open>/)
    const typed = await web.answer(await posted({ code: '" autofocus onfocus="x', address }))
    assert.ok(!typed.body.includes('" autofocus'))
    assert.match(typed.body, /<details>/)
  })
})

test('every miss gives the same page but for what was typed, and for its length', async () => {
  await withPage(async (web, { code, address }) => {
    const strange = 'BH-00000-00000-00000-00000-00000'
    const misses = [
      [strange, address],
      [strange, 'nobody@example.org'],
      [code, 'nobody@example.org'],
      [code, ''],
    ].slice(0, 3) as [string, string][]
    const pages = await Promise.all(
      misses.map(async ([typed, at]) => {
        const { status, headers, body } = await web.answer(await posted({ code: typed, address: at }))
        return JSON.stringify([status, headers, body.replaceAll(typed, 'CODE').replaceAll(at, 'ADDRESS')])
      }),
    )
    assert.equal(new Set(pages).size, 1)
    assert.match(pages[0] as string, /not a notice of ours for this address/)
    const json = await Promise.all(
      misses.map(
        async ([typed, at]) =>
          (await web.answer(await posted({ code: typed, address: at }, { headers: { accept: 'application/json' } }))).body,
      ),
    )
    assert.equal(new Set(json).size, 1)
    assert.deepEqual(JSON.parse(json[0] as string).verdict, 'not_ours')
  })
})

test('text, files and both kinds of forms are read; what is none is said to be so', async () => {
  await withPage(async (web, { code, address, mail, eml }) => {
    const verdictOf = async (asked: WebRequest): Promise<[number, string]> => {
      const { status, body } = await web.answer({ ...asked, headers: { ...asked.headers, accept: 'application/json' } })
      return [status, JSON.parse(body).verdict]
    }
    assert.deepEqual(await verdictOf(await posted({ code: '', address, text: mail.text })), [200, 'genuine'])
    assert.deepEqual(await verdictOf(await posted({ code: '', address: '', mail: new Blob([new Uint8Array(eml)]) })), [200, 'genuine'])
    assert.deepEqual(await verdictOf(await posted({ code: '', address, mail: new Blob([new Uint8Array(2_100_000)]) })), [
      200,
      'cannot_tell',
    ])
    const plain = { 'content-type': 'application/x-www-form-urlencoded' }
    const body = Buffer.from(new URLSearchParams({ code, address }).toString())
    assert.deepEqual(await verdictOf(request({ method: 'POST', headers: plain, body })), [200, 'genuine'])
    const tricks: [string, Uint8Array][] = [
      ['application/json', Buffer.from('{}')],
      ['', Buffer.from('x')],
      ['multipart/form-data', Buffer.from('x')],
      ['multipart/form-data; boundary=X', Buffer.from('--X\r\ncontent-disposition: form-data; name="code"\r\n\r\nabc')],
      ['multipart/form-data; boundary=X', Buffer.from(`--X\r\n${'a: b\r\n'.repeat(100_000)}\r\n\r\n--X--\r\n`)],
    ]
    for (const [type, bytes] of tricks) {
      assert.deepEqual(
        await verdictOf(request({ method: 'POST', headers: { 'content-type': type }, body: bytes })),
        [400, 'cannot_tell'],
        type,
      )
    }
    const many = `${'--X\r\ncontent-disposition: form-data; name="code"\r\n\r\n\r\n'.repeat(20_000)}--X--\r\n`
    const flood = request({ method: 'POST', headers: { 'content-type': 'multipart/form-data; boundary=X' }, body: Buffer.from(many) })
    assert.deepEqual(await verdictOf(flood), [200, 'cannot_tell'])
  })
})

test('a mail made to be slow, deep or large is given up, and the next is read', async () => {
  await withPage(async (web, { address, eml }) => {
    const nested = Array.from(
      { length: 3000 },
      (_, level) => `Content-Type: multipart/mixed; boundary=b${level}\r\n\r\n--b${level}\r\n`,
    ).join('')
    const hostile: Record<string, string | Buffer> = {
      'nested without end': `From: a@b.example\r\nMIME-Version: 1.0\r\n${nested}`,
      'many parts': `From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n${'--x\r\n\r\na\r\n'.repeat(100_000)}`,
      'deep HTML': `From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n${'<b>'.repeat(60_000)}`,
      'a long head': `From: a@b.example\r\nMIME-Version: 1.0\r\nX-A: ${'a'.repeat(1_900_000)}\r\n\r\nx`,
      'a charset that is none': `From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=nonsense\r\n\r\nx`,
      'broken base64': `From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: base64\r\n\r\n${'====\r\n'.repeat(1000)}`,
      'all brackets': `From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n${'<!--'.repeat(40_000)}`,
      'a code without end': `BH-${'A-'.repeat(90_000)}`,
      'quotes without end': '>'.repeat(190_000),
      'an address without end': `${'a.'.repeat(90_000)}com`,
      'one long word': 'a'.repeat(190_000),
    }
    for (const [name, content] of Object.entries(hostile)) {
      const asked = await posted({ code: '', address, mail: new Blob([content as never]) }, { headers: { accept: 'application/json' } })
      const { status, body } = await web.answer({ ...asked, headers: { ...asked.headers, accept: 'application/json' } })
      assert.equal(status, 200, name)
      assert.ok(['cannot_tell', 'not_ours'].includes(JSON.parse(body).verdict), name)
    }
    const asked = await posted({ code: '', address, mail: new Blob([new Uint8Array(eml)]) })
    assert.equal(
      JSON.parse((await web.answer({ ...asked, headers: { ...asked.headers, accept: 'application/json' } })).body).verdict,
      'genuine',
    )
  })
})

test('when the vault is away the page says that it cannot tell, and no more', async () => {
  const away = { checkNotice: () => Promise.reject(new BulkheadError('vault_unavailable', 'away')) }
  await withPage(async (web, { code, address }) => {
    const { status, body } = await web.answer(await posted({ code, address }))
    assert.equal(status, 200)
    assert.match(body, /We cannot look this up just now/)
  }, away)
})

test('the language is the one that was chosen, else the reader’s, else the company’s', async () => {
  await withPage(async (web) => {
    const languageOf = async (query: string, accept: string): Promise<string | undefined> =>
      (await web.answer(request({ query: new URLSearchParams(query), headers: { 'accept-language': accept } }))).headers['content-language']
    assert.equal(await languageOf('', ''), 'en')
    assert.equal(await languageOf('', 'de-DE, hi-IN;q=0.8, en;q=0.5'), 'hi')
    assert.equal(await languageOf('', 'hi;q=0, en'), 'en')
    assert.equal(await languageOf('lang=hi', 'en'), 'hi')
    assert.equal(await languageOf('lang=__proto__', 'fr'), 'en')
    assert.equal(await languageOf('', `${'x,'.repeat(10_000)}hi`), 'en')
  })
})

test('a place may ask so often, and all together; time gives it back', async () => {
  await withPage(async (web, _notice, clock) => {
    const take = (place: string | undefined): number => web.waitMs({ place })
    let taken = 0
    while (take('4/32/7') === 0) taken++
    assert.ok(taken >= 20 && taken <= 60)
    assert.equal(take('4/32/8'), 0)
    clock.now += 60_000
    assert.equal(take('4/32/7'), 0)
    let all = 0
    while (take(undefined) === 0) all++
    assert.ok(all > taken)
    assert.ok(take('4/32/9') > 0)
    const { status, headers, body } = web.refused(request({ method: 'POST' }), 429, 2500)
    assert.deepEqual([status, headers['retry-after']], [429, '3'])
    assert.match(body, /try again in a minute/)
  })
})

test('a network pays for what it takes to read its messages, and has few read at once; others are served', async () => {
  const ends: (() => void)[] = []
  const slow: NoticeReader = {
    read: (_asked, spent) =>
      new Promise((resolve) => {
        ends.push(() => {
          spent?.(4000)
          resolve('unreadable')
        })
      }),
    readForm: () => Promise.resolve('unreadable'),
    close: () => Promise.resolve(),
  }
  const now = () => 1_800_000_000_000
  const desk = new CheckDesk({ vault: { checkNotice: () => Promise.reject(new Error('not asked')) }, marks: MARKS, reader: slow })
  const web = new CheckWeb({ desk, reader: slow, marks: MARKS, contact: CONTACT, defaultLanguage: 'en', now })
  const send = async (place: string) => {
    assert.equal(web.waitMs({ place }), 0)
    return web.answer(await posted({ address: 'a@b.net', text: 'slow' }, { place }))
  }
  const first = [send('4/32/1'), send('4/32/1')]
  while (ends.length < 2) await new Promise((resolve) => setImmediate(resolve))
  assert.equal((await send('4/32/1')).status, 503)
  const other = send('4/32/2')
  while (ends.length < 3) await new Promise((resolve) => setImmediate(resolve))
  for (const end of ends) end()
  assert.deepEqual(
    (await Promise.all([...first, other])).map(({ status }) => status),
    [200, 200, 200],
  )
  // Two readings of four seconds each come to more than a burst of questions.
  assert.ok(web.waitMs({ place: '4/32/1' }) > 0)
  assert.equal(web.waitMs({ place: '4/32/3' }), 0)
})

test('it stands under its path, and under its own name at the root too', async () => {
  await withPage(async (web) => {
    for (const [path, host, is] of [
      ['/check', undefined, true],
      ['/check/', 'anything:4700', true],
      ['/check', 'evil.example', true],
      ['/', 'nimbusnotes.com', true],
      ['/', 'nimbusnotes.com:4700', true],
      ['/', 'other.example', false],
      ['/checks', 'nimbusnotes.com', false],
      ['/track', 'nimbusnotes.com', false],
    ] as const)
      assert.equal(web.isAt(path, host), is, `${path} ${host}`)
  })
})

test('under a path of its own it stands on its own name alone', () => {
  const marks = { ...MARKS, checkUrl: 'https://notices.nimbusnotes.com/real-or-not/' }
  const parts = { marks, contact: CONTACT, defaultLanguage: 'en', now: () => 0 }
  const web = new CheckWeb({ ...parts, desk: undefined as never, reader: undefined as never })
  for (const [path, host, is] of [
    ['/real-or-not', 'notices.nimbusnotes.com', true],
    ['/real-or-not/', 'notices.nimbusnotes.com:443', true],
    ['/', 'notices.nimbusnotes.com', true],
    ['/check', 'gateway.example', true],
    ['/real-or-not', 'gateway.example', false],
    ['/', 'nimbusnotes.com', false],
    ['/', undefined, false],
  ] as const)
    assert.equal(web.isAt(path, host), is, `${path} ${host}`)
})

test('what is refused says why, and when to come again; a head alone is answered as the form', async () => {
  await withPage(async (web) => {
    const json = { headers: { accept: 'application/json' } }
    const said = (status: 400 | 405 | 413 | 429 | 503, waitMs?: number) => {
      const { status: given, headers, body } = web.refused(request({ method: 'PUT', ...json }), status, waitMs)
      const { verdict, reasons } = JSON.parse(body) as { verdict: string; reasons: { code: string }[] }
      assert.deepEqual([given, verdict], [status, 'cannot_tell'])
      return [reasons.map(({ code }) => code).join(' '), headers.allow, headers['retry-after']]
    }
    assert.deepEqual(said(400), ['unreadable', undefined, undefined])
    assert.deepEqual(said(405), ['unreadable', 'GET, HEAD, POST', undefined])
    assert.deepEqual(said(413), ['too_large', undefined, undefined])
    assert.deepEqual(said(429, 61_001), ['busy', undefined, '62'])
    assert.deepEqual(said(503, 0), ['busy', undefined, '1'])
    const head = await web.answer(request({ method: 'HEAD' }))
    assert.deepEqual([head.status, /<form/.test(head.body)], [200, true])
    assert.deepEqual(
      ['vary', 'x-content-type-options', 'x-frame-options', 'cross-origin-opener-policy', 'cross-origin-resource-policy'].map(
        (name) => head.headers[name],
      ),
      ['Accept, Accept-Language', 'nosniff', 'DENY', 'same-origin', 'same-origin'],
    )
    assert.match(head.headers['permissions-policy'] ?? '', /camera=\(\)/)
  })
})

test('from where somebody asks is told to the vault, so that a code that is sent around is found', async () => {
  const networks: (string | undefined)[] = []
  const checkNotice: NoticeVault['checkNotice'] = async ({ network }) => {
    networks.push(network)
    return { fits: false }
  }
  await withPage(
    async (web, { code, address }) => {
      await web.answer(await posted({ code, address }, { network: '4/24/1' }))
      await web.answer(await posted({ code, address }))
    },
    { checkNotice },
  )
  assert.deepEqual(networks, ['4/24/1', undefined])
})

test('a question that is refused costs nothing, and a minute gives back what a minute may', async () => {
  await withPage(async (web, _notice, clock) => {
    const take = (): number => web.waitMs({ place: '4/32/7' })
    const burst = (): number => {
      let taken = 0
      while (take() === 0) taken++
      return taken
    }
    const first = burst()
    const wait = take()
    for (let asked = 0; asked < 1000; asked++) take()
    assert.equal(take(), wait)
    clock.now += wait
    assert.equal(take(), 0)
    clock.now += 600_000
    assert.equal(burst(), first)
    // In an hour of asking without an end: sixty a minute.
    let taken = 0
    for (let second = 0; second < 600; second++) {
      clock.now += 1000
      taken += burst()
    }
    assert.ok(taken >= 590 && taken <= 610, String(taken))
  })
})
