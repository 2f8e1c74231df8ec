import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { BulkheadError } from '#base/errors.ts'
import type { Config } from '#model/config.ts'
import { decodeConfig } from './config.ts'

const KEY = 'witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X'

function decode(places: string): Config {
  const text = `sources: [{ id: web, protocol: mixpanel, token: t }]\nledger:\n  checkpoints:\n${places}`
  return decodeConfig({ text, name: 'bulkhead.yaml', folder: '/etc/bulkhead', env: { PASSWORD: 'very-secret' }, protocols: ['mixpanel'] })
}

function refusal(place: string): string {
  try {
    decode(`    - ${place}\n`)
  } catch (thrown) {
    assert.ok(thrown instanceof BulkheadError && thrown.code === 'config_invalid', String(thrown))
    assert.match(thrown.message, /bulkhead\.yaml:\d+:\d+/)
    return thrown.message
  }
  return assert.fail(`accepted: ${place}`)
}

test('each kind of place is decoded, and its secret is not printed', () => {
  const { ledger } = decode(`
    - { id: repo, kind: git, remote: "git@git.example:audit/ledger.git" }
    - { id: repo2, kind: git, remote: "https://git.example/ledger.git", branch: bulkhead/eu, file: eu/checkpoint.txt }
    - { id: mailbox, kind: mail, host: mail.example, user: u, password: "\${PASSWORD}", from: a@co.example, to: b@au.example, ca: ca.pem }
    - { id: local, kind: mail, host: localhost, port: 2526, security: none, from: a@company.example, to: b@audit.example }
    - { id: w1, kind: witness, url: "https://witness.example/submit/", key: "${KEY}" }
    - { id: nas, kind: folder, path: /mnt/audit }
`)
  assert.deepEqual(
    ledger?.checkpoints.map(({ id, kind }) => `${id} ${kind}`),
    ['repo git', 'repo2 git', 'mailbox mail', 'local mail', 'w1 witness', 'nas folder'],
  )
  const [repo, , mail, , witness] = ledger?.checkpoints ?? []
  assert.deepEqual(repo, { id: 'repo', kind: 'git', remote: 'git@git.example:audit/ledger.git', branch: 'main', file: 'checkpoint' })
  assert.ok(mail?.kind === 'mail' && mail.password?.reveal() === 'very-secret')
  assert.deepEqual([mail.port, mail.security, mail.ca], [587, 'starttls', '/etc/bulkhead/ca.pem'])
  assert.equal(witness?.kind === 'witness' && witness.url, 'https://witness.example/submit')
  assert.doesNotMatch(inspect(ledger, { depth: 9 }), /very-secret/)
})

test('what is no place is refused with line and column, before anything is started', () => {
  const cases: [string, RegExp][] = [
    ['{ id: a, kind: ftp, path: /x }', /one of git, mail, witness, folder/],
    ['{ id: a, kind: git }', /no remote in a place of the kind git/],
    ['{ id: a, kind: git, remote: /r, path: /x }', /path in a place of the kind git/],
    ['{ id: a, kind: git, remote: "ext::sh -c id" }', /no repository/],
    ['{ id: a, kind: git, remote: "ext::id" }', /no repository/],
    ['{ id: a, kind: git, remote: "--upload-pack=id" }', /no repository/],
    ['{ id: a, kind: git, remote: "ssh://-oProxyCommand=id/x" }', /no repository|no address/],
    ['{ id: a, kind: git, remote: "-oProxyCommand=id@h:x" }', /no repository/],
    ['{ id: a, kind: git, remote: "https://u:pw@git.example/x" }', /a password in it/],
    ['{ id: a, kind: git, remote: "http://git.example/x" }', /begins with http:/],
    ['{ id: a, kind: git, remote: "git://git.example/x" }', /begins with git:/],
    ['{ id: a, kind: git, remote: relative/path }', /a relative path/],
    ['{ id: a, kind: git, remote: /r, branch: "a..b" }', /no name of a branch/],
    ['{ id: a, kind: git, remote: /r, branch: "--all" }', /no name of a branch/],
    ['{ id: a, kind: git, remote: /r, file: "../x" }', /no path of a file/],
    ['{ id: a, kind: git, remote: /r, file: ".git/config" }', /no path of a file/],
    ['{ id: a, kind: mail, host: h, from: a@b, to: "b@c, d@e" }', /no mail address/],
    ['{ id: a, kind: mail, host: h, from: "a@b\\r\\nBcc: x@y", to: b@c }', /no mail address/],
    ['{ id: a, kind: mail, host: h, from: a@b, to: b@c, user: u }', /one of user and password/],
    ['{ id: a, kind: mail, host: mail.example, from: a@b, to: b@c, security: none }', /none for another machine/],
    ['{ id: a, kind: mail, host: h, from: a@b, to: b@c, port: 0 }', /a port from 1/],
    [`{ id: a, kind: witness, url: "http://witness.example", key: "${KEY}" }`, /without TLS/],
    [`{ id: a, kind: witness, url: "https://u@witness.example", key: "${KEY}" }`, /a user in it/],
    ['{ id: a, kind: witness, url: "https://witness.example", key: "x" }', /no public key of a witness/],
    [
      '{ id: a, kind: witness, url: "https://w.example", key: "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW" }',
      /a key of a log/,
    ],
    ['{ id: a, kind: folder, path: mnt }', /a relative path/],
    ['{ id: "a b", kind: folder, path: /mnt }', /an id of the place/],
  ]
  for (const [place, expected] of cases) assert.match(refusal(place), expected, place)
  assert.match(refusal('{ id: a, kind: folder, path: /a }\n    - { id: a, kind: folder, path: /b }'), /an id that no other place has/)
})
