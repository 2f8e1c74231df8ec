import assert from 'node:assert/strict'
import { createPublicKey } from 'node:crypto'
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import type { LedgerVerify } from '#api/ledger-contract.ts'
import { treeOrigin } from '#model/tree-head.ts'
import { formatVerifierKey, noteVerifier } from '#ledger/note.ts'
import { disclose, rowsOf, withTreePlace } from '#ledger/testing-tree.ts'
import { INSTANCE } from '#vault/testing.ts'
import { runCommandLine } from './program.ts'

interface Ran {
  code: number
  answer: LedgerVerify
}

/** In this process: nothing has to run, and nothing is opened but the files. */
async function verify(files: string, key: string): Promise<Ran> {
  const out: string[] = []
  const surroundings = { env: {}, version: '0', out: (text: string) => void out.push(text), err: () => undefined }
  const code = await runCommandLine(['ledger', 'verify', '--files', files, '--key', key, '--json'], surroundings)
  return { code, answer: JSON.parse(out.join('')) as LedgerVerify }
}

test('ledger verify --files: a copy and the public key are enough, as text or PEM; what is changed is named and ends with 1', async () => {
  await withTreePlace(async (place) => {
    await disclose(place, [{ rows: rowsOf(place.people.slice(0, 3)), state: 'delivered' }])
    await place.grow()
    const { ledgerKey } = await place.vault.describe()
    const spki = createPublicKey({ key: Buffer.from(ledgerKey ?? '', 'base64'), format: 'der', type: 'spki' })
    const text = formatVerifierKey(noteVerifier(treeOrigin(INSTANCE), spki))
    const key = path.join(place.root, 'ledger.key')
    const copy = path.join(place.root, 'copy')
    cpSync(place.tilesDir, copy, { recursive: true })
    const good = { code: 0, ok: true, size: 2 }
    const said = async (files: string): Promise<object> => {
      const { code, answer } = await verify(files, key)
      return { code, ok: answer.ok, size: answer.checkpoint?.size }
    }
    writeFileSync(key, `${text}\n`)
    for (const files of [copy, place.tilesDir, place.ledgerDir, place.root]) assert.deepEqual(await said(files), good, files)
    writeFileSync(key, spki.export({ format: 'pem', type: 'spki' }))
    assert.deepEqual(await said(copy), good)
    // After a restore another origin is signed: both keys may stand in the file.
    writeFileSync(key, `${formatVerifierKey(noteVerifier(treeOrigin(INSTANCE, INSTANCE), spki))}\n${text}\n`)
    assert.deepEqual(await said(copy), good)

    // Whoever made the copy may have put something into it that never ends, or waits for ever.
    const strange = path.join(place.root, 'strange')
    const [tile, bundle] = ['0', 'entries'].map((level) => path.join(strange, 'tile', level, '000.p', '2')) as [string, string]
    const withPlace = async (at: string, put: () => void): Promise<string[]> => {
      rmSync(strange, { recursive: true, force: true })
      cpSync(place.tilesDir, strange, { recursive: true })
      rmSync(at)
      put()
      const { code, answer } = await verify(strange, key)
      return [String(code), ...answer.problems.map(({ kind }) => kind)]
    }
    assert.deepEqual(await withPlace(tile, () => symlinkSync('/dev/zero', tile)), ['1', 'tile'])
    assert.deepEqual(await withPlace(tile, () => symlinkSync(tile, tile)), ['1', 'tile'])
    assert.deepEqual(await withPlace(bundle, () => void execFileSync('mkfifo', [bundle])), ['1', 'bundle'])
    assert.deepEqual(await withPlace(bundle, () => mkdirSync(bundle)), ['1', 'bundle'])

    const checkpoint = path.join(copy, 'checkpoint')
    writeFileSync(checkpoint, readFileSync(checkpoint, 'utf8').replace('\n2\n', '\n1\n'))
    const forged = await verify(copy, key)
    assert.deepEqual([forged.code, forged.answer.checkpoint, forged.answer.problems[0]?.kind], [1, null, 'signature'])

    const refused = (files: string, code: string): Promise<void> => assert.rejects(verify(files, key), { code })
    await refused(path.join(copy, 'tile', '0'), 'not_found')
    for (const wrong of [
      '',
      'no key',
      text.slice(0, -1),
      text.replace('+', '++'),
      '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----',
    ]) {
      writeFileSync(key, wrong)
      await refused(copy, 'verifier_key_invalid')
    }
    await assert.rejects(verify(copy, path.join(place.root, 'absent')), { code: 'verifier_key_invalid' })
    for (const line of [
      ['verify', '--files', copy],
      ['verify', '--key', key],
      ['prove', 'last'],
      ['prove', '-1'],
      ['prove', '0.5'],
    ]) {
      const surroundings = { env: {}, version: '0', out: () => undefined, err: () => undefined }
      await assert.rejects(runCommandLine(['ledger', ...line], surroundings), { code: 'bad_usage' }, line.join(' '))
    }
  })
})
