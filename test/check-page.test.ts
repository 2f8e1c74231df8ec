/**
 * Whether a notice is real, asked of the real program: every message of the collection by the public page and by the command,
 * the page in Chromium in each state and language, and with parts of the program down.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { openInstance } from '#app/instance.ts'
import { systemClock } from '#base/clock.ts'
import { runCommandLine } from '#cli/program.ts'
import { chromiumPath, openChromium, PATIENCE_MS } from '#drill/browser.ts'
import { type Program, startProgram, waitUntil } from '#drill/program.ts'
import { CHECK_CASES } from '#notices/check/testing-cases.ts'
import { DKIM_PEM, MARKS, type SentNotice, sendNotices } from '#notices/check/testing-check.ts'
import { openVault } from '#vault/vault.ts'
import { assertSchema } from './support/schemas.ts'

const CONFIG = `sources: [{ id: web, protocol: mixpanel, token: tok }]
gateway: { trustProxy: ["127.0.0.1/32"] }
notices:
  company: ${MARKS.company}
  officialDomain: ${MARKS.domain}
  checkUrl: ${MARKS.checkUrl}
  contact: { team: Privacy team, mail: ${MARKS.contactMail}, hours: "09:00–18:00 (IST)", dpo: Asha Rao }
  from: { name: Nimbus Notes security, address: ${MARKS.sender} }
  dkim: { domain: ${MARKS.dkim?.domain}, selector: ${MARKS.dkim?.selector}, keyFile: dkim.pem }
`

interface Reply {
  status: number
  headers: Headers
  text: string
}

let asked = 0

/** Each question from another network, as a proxy tells it. */
async function ask(program: Program, fields: Record<string, string | Blob>, more: Record<string, string> = {}): Promise<Reply> {
  const form = new FormData()
  asked++
  const headers = { 'x-forwarded-for': `20.${asked % 200}.${Math.floor(asked / 200)}.7`, ...more }
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  for (;;) {
    const response = await fetch(`${program.gatewayUrl}/check`, { method: 'POST', body: form, headers })
    const text = await response.text()
    if (response.status !== 429) return { status: response.status, headers: response.headers, text }
    await systemClock.sleep(500)
  }
}

/** The vault of a program that does not run. */
async function sendIn(program: Program): Promise<SentNotice[]> {
  const env = { HOME: path.join(program.folder, 'home'), BULKHEAD_KEYS: program.keysDir }
  const instance = openInstance({ dataDir: program.dataDir, create: false, env })
  const vault = await openVault({ dataDir: instance.dataDir, keysDir: instance.keysDir, instance: instance.instanceId, clock: systemClock })
  try {
    return await sendNotices(vault.notices, [
      { address: 'asha.rao@example.net', name: 'Asha Rao' },
      { address: 'ravi@example.in', name: 'रवि शर्मा', language: 'hi', shape: 'alias' },
    ])
  } finally {
    await vault.close()
  }
}

test('a notice is checked by page and command, in both languages, whatever else is down', { timeout: 600_000 }, async (t) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bulkhead-check-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(path.join(folder, 'dkim.pem'), DKIM_PEM)
  const program = await startProgram({ folder, config: CONFIG })
  t.after(() => program.stop())
  await program.stop()
  const [notice, hindi] = await sendIn(program)
  assert.ok(notice !== undefined && hindi !== undefined)
  await program.restart()
  await program.waitReady()

  await t.test('every message gets its verdict by page and by command', async () => {
    const wrong: string[] = []
    const env = { HOME: path.join(folder, 'home'), BULKHEAD_KEYS: program.keysDir }
    for (const { name, verdict, make } of CHECK_CASES) {
      const { content, code = '', address = '' } = await make(notice, hindi)
      const bytes = content === undefined ? undefined : Buffer.from(content as string)
      const fields = { code, address, ...(bytes === undefined ? {} : { mail: new Blob([new Uint8Array(bytes)]) }) }
      const page = await ask(program, fields, { accept: 'application/json' })
      const byPage = JSON.parse(page.text) as { verdict: string; reasons: { code: string; text: string }[] }
      assertSchema('notice-check', byPage)
      if (page.status !== 200 || byPage.verdict !== verdict) wrong.push(`${name}: page says ${byPage.verdict}`)
      if (bytes === undefined && code === '' && address === '') continue
      const file = path.join(folder, 'message')
      if (bytes !== undefined) writeFileSync(file, bytes)
      const out: string[] = []
      const argv = ['notice', 'check', ...(bytes === undefined ? [] : [file]), '--data', program.dataDir, '--json']
      const given = [...(code === '' ? [] : [`--code=${code}`]), ...(address === '' ? [] : [`--address=${address}`])]
      const surroundings = { env, version: 'test', out: (text: string) => void out.push(text), err: () => undefined }
      assert.equal(await runCommandLine([...argv, ...given], surroundings), 0)
      assert.deepEqual(JSON.parse(out.join('')), byPage, `${name}: page and command`)
    }
    assert.deepEqual(wrong, [])
  })

  await t.test('the page works without scripts and is accessible in each state and language', async (t) => {
    assert.ok(chromiumPath() !== undefined, 'Chromium is needed: CHROMIUM_PATH, or /usr/bin/chromium')
    const browser = await openChromium()
    t.after(() => browser.close())
    const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
    const verdicts: Record<string, [code: string, address: string]> = {
      genuine: [notice.code, notice.address],
      altered: ['', notice.address],
      not_ours: [notice.code, 'stranger@example.org'],
      cannot_tell: [notice.code, ''],
    }
    for (const [locale, colorScheme] of [
      ['en', 'light'],
      ['hi', 'dark'],
      ['en', 'dark'],
      ['hi', 'light'],
    ] as const) {
      // As most people have it, but that the page's own scripts are off: it has none.
      const plain = await browser.newContext({ locale, colorScheme, javaScriptEnabled: false, viewport: { width: 360, height: 800 } })
      const looked = await browser.newContext({ locale, colorScheme, bypassCSP: true, viewport: { width: 360, height: 800 } })
      for (const context of [plain, looked]) context.setDefaultTimeout(PATIENCE_MS)
      const page = await plain.newPage()
      const asked: string[] = []
      page.on('request', (request) => asked.push(request.url()))
      for (const [verdict, [code, address]] of [['form', ['', '']] as const, ...Object.entries(verdicts)]) {
        await page.goto(`${program.gatewayUrl}/check`)
        if (verdict !== 'form') {
          await page.fill('#code', code)
          await page.fill('#address', address)
          if (verdict === 'altered') {
            await page.click('summary')
            await page.fill('#text', notice.mail.text.replace('never', 'always'))
          }
          await Promise.all([page.waitForNavigation(), page.click('button')])
          assert.equal(await page.locator(`section.verdict.${verdict}`).count(), 1, `${locale} ${verdict}`)
        }
        assert.equal(await page.locator('html').getAttribute('lang'), locale)
        const examined = await looked.newPage()
        await examined.setContent(await page.content())
        await examined.evaluate(axe)
        const found = (await examined.evaluate(
          `axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }).then((result) => result.violations.map((each) => each.id + ': ' + each.nodes.map((node) => node.html).join(' ')))`,
        )) as string[]
        assert.deepEqual(found, [], `${locale} ${colorScheme} ${verdict}`)
        assert.equal(await examined.evaluate('document.documentElement.scrollWidth'), 360, `${locale} ${verdict} is wider than a phone`)
        await examined.close()
      }
      assert.deepEqual(await plain.cookies(), [])
      assert.ok(
        asked.every((url) => url.startsWith(`${program.gatewayUrl}/check`)),
        String(asked),
      )
      await plain.close()
      await looked.close()
    }
  })

  await t.test('what is copied out of the mail as Chromium shows it is the notice', async (t) => {
    const browser = await openChromium()
    t.after(() => browser.close())
    for (const { mail, address } of [notice, hindi]) {
      const page = await browser.newPage({ viewport: { width: 360, height: 800 }, offline: true })
      page.setDefaultTimeout(PATIENCE_MS)
      await page.setContent(mail.html)
      const copied = (await page.evaluate('getSelection().selectAllChildren(document.body), getSelection().toString()')) as string
      const { text } = await ask(program, { code: '', address, text: copied }, { accept: 'application/json' })
      assert.equal(JSON.parse(text).verdict, 'genuine', text)
      await page.close()
    }
  })

  await t.test('methods, hosts and bodies that are none get an answer; SDKs are served beside it', async () => {
    const url = `${program.gatewayUrl}/check`
    const head = await fetch(url, { method: 'HEAD' })
    assert.deepEqual([head.status, await head.text()], [200, ''])
    const put = await fetch(url, { method: 'PUT', body: 'x' })
    assert.deepEqual([put.status, put.headers.get('allow')], [405, 'GET, HEAD, POST'])
    await put.text()
    const large = await fetch(url, {
      method: 'POST',
      body: new Uint8Array(3_000_000),
      headers: { 'content-type': 'multipart/form-data; boundary=x' },
    })
    assert.equal(large.status, 413)
    assert.match(await large.text(), /too long to be compared/)
    assert.equal((await fetch(`${program.gatewayUrl}/check/x`)).status, 404)
    assert.equal(head.headers.get('access-control-allow-origin'), null)
    const track = await fetch(`${program.gatewayUrl}/track?verbose=1`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([
        { event: 'x', properties: { token: 'tok', distinct_id: 'u1', $insert_id: 'a', time: Math.floor(Date.now() / 1000) } },
      ]),
    })
    assert.equal(track.status, 200)
  })

  await t.test('a code that many networks tried is named by doctor, with incident and version and no address', async () => {
    const { checks } = JSON.parse((await program.cli(['doctor', '--json'])).stdout) as {
      checks: { id: string; state: string; found: string }[]
    }
    const check = checks.find(({ id }) => id === 'notice_codes:7.1')
    assert.equal(check?.state, 'warn')
    assert.doesNotMatch(JSON.stringify(checks), /asha\.rao|BH-[0-9A-Z]{5}-/)
  })

  await t.test('with staff and warehouse down it answers, with the vault down it says that it cannot', async () => {
    const fields = { code: notice.code, address: notice.address }
    const verdict = async (): Promise<string> => JSON.parse((await ask(program, fields, { accept: 'application/json' })).text).verdict
    assert.ok(program.kill('staff', 'SIGSTOP') && program.kill('warehouse', 'SIGSTOP'))
    try {
      assert.equal(await verdict(), 'genuine')
    } finally {
      program.kill('staff', 'SIGCONT')
      program.kill('warehouse', 'SIGCONT')
    }
    assert.ok(program.kill('vault', 'SIGKILL'))
    const { status, text } = await ask(program, fields)
    assert.equal(status, 200)
    assert.match(text, /We cannot look this up just now|This notice is from/)
    await waitUntil('the vault is back', async () => (await verdict()) === 'genuine')
  })
})
