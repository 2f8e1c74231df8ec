/**
 * Pictures of the check page as people see it: `node bin/bulkhead.mjs --run test/support/check-pictures.ts FOLDER [WORD]` renders the
 * form and each verdict in each language in Debian's Chromium, on a phone and on a desk, light and dark, as
 * `LANGUAGE-STATE-WIDTH-SCHEME.png` (only those whose name holds WORD). It says when a page is wider than its screen.
 */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { openChromium } from '#drill/browser.ts'
import { checkPage } from '#notices/check/page.ts'
import { CONTACT, MARKS } from '#notices/check/testing-check.ts'
import { STATES } from '#notices/check/testing-states.ts'
import { LANGUAGES } from '#notices/check/words.ts'

const [folder, word = ''] = process.argv.slice(2)
if (folder === undefined) {
  process.stderr.write('usage: test/support/check-pictures.ts FOLDER [WORD]\n')
  process.exit(2)
}
mkdirSync(folder, { recursive: true })
const browser = await openChromium()
let problems = 0
let pictures = 0
for (const width of [360, 1280])
  for (const colorScheme of ['light', 'dark'] as const) {
    const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme, javaScriptEnabled: true, offline: true })
    const page = await context.newPage()
    for (const words of LANGUAGES)
      for (const [state, { judgement, typed }] of Object.entries(STATES)) {
        const file = `${words.language}-${state}-${width}-${colorScheme}.png`
        if (!file.includes(word)) continue
        const shown = judgement === undefined ? {} : { judgement, typed }
        await page.setContent(checkPage({ words, marks: MARKS, contact: CONTACT, ...shown }))
        const wide = await page.evaluate('document.documentElement.scrollWidth')
        if (typeof wide !== 'number' || wide > width) {
          problems++
          process.stdout.write(`${file}: ${String(wide)} px wide\n`)
        }
        await page.screenshot({ path: path.join(folder, file), fullPage: true })
        pictures++
      }
    await context.close()
  }
await browser.close()
process.stdout.write(`${pictures} pictures in ${folder}, ${problems} problems\n`)
process.exit(problems === 0 ? 0 : 1)
