/**
 * Pictures of notices as people get them: `node bin/bulkhead.mjs --run test/support/notice-pictures.ts FOLDER [WORD]` renders each shape in
 * each language in Debian's Chromium, on a phone and on a desk, light and dark, as `LANGUAGE-SHAPE-WIDTH-SCHEME.png` (only those
 * whose name holds WORD). It says when a notice is wider than its screen, asks for anything from elsewhere, meets no font, or what axe
 * finds against WCAG 2.2 AA.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { openChromium } from '#drill/browser.ts'
import { renderNotice } from '#notices/text/render.ts'
import { loadNoticeTemplates } from '#notices/text/templates.ts'
import { testingPerson, testingShapes, testingSubjectOf } from '#notices/text/testing-notices.ts'

const WIDTHS = [360, 1280]
const SCHEMES = ['light', 'dark'] as const
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core'), 'utf8')
const RULES =
  "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']}).then((found) => found.violations.map(({id}) => id).join(' '))"
const HINDI_NAMES: Record<string, string> = { hi: 'आशा राव' }

const [folder, word = ''] = process.argv.slice(2)
if (folder === undefined) {
  process.stderr.write('usage: test/support/notice-pictures.ts FOLDER [WORD]\n')
  process.exit(2)
}
mkdirSync(folder, { recursive: true })
const templates = loadNoticeTemplates()
for (const language of templates.languages) {
  const fonts = spawnSync('fc-list', [`:lang=${language}`], { encoding: 'utf8' })
  if ((fonts.stdout ?? '').trim() === '')
    process.stdout.write(`warning: no font for ${language} is installed, its pictures show boxes (Debian: fonts-noto-core)\n`)
}
const browser = await openChromium()
let problems = 0
let pictures = 0
for (const width of WIDTHS)
  for (const colorScheme of SCHEMES) {
    const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme, javaScriptEnabled: true, offline: true })
    const page = await context.newPage()
    page.on('request', (request) => {
      if (request.url().startsWith('about:') || request.url().startsWith('data:')) return
      problems++
      process.stdout.write(`asks for ${request.url()}\n`)
    })
    for (const language of templates.languages)
      for (const [name, shape] of Object.entries(testingShapes())) {
        const file = `${language}-${name}-${width}-${colorScheme}.png`
        if (!file.includes(word)) continue
        const subject = testingSubjectOf(shape, name === 'possible' ? { correctsVersion: 1, version: 2 } : {})
        const { html } = renderNotice(templates, language, subject, shape, testingPerson({ name: HINDI_NAMES[language] ?? 'Asha Rao' }))
        await page.setContent(html)
        const wide = await page.evaluate('document.documentElement.scrollWidth')
        if (typeof wide !== 'number' || wide > width) {
          problems++
          process.stdout.write(`${file}: ${String(wide)} px wide\n`)
        }
        await page.evaluate(AXE)
        const found = await page.evaluate(RULES)
        if (found !== '') {
          problems++
          process.stdout.write(`${file}: axe finds ${String(found)}\n`)
        }
        await page.screenshot({ path: path.join(folder, file), fullPage: true })
        pictures++
      }
    await context.close()
  }
await browser.close()
process.stdout.write(`${pictures} pictures in ${folder}, ${problems} problems\n`)
process.exit(problems === 0 ? 0 : 1)
