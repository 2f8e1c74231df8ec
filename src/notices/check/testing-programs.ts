/**
 * A notice as mail programs give it on: each writes its own boxes, styles and sheets around it and into it, and its own lines above.
 * Written by hand after what these programs are known to do.
 */
import type { SentNotice } from './testing-check.ts'

export interface GivenOn {
  html: string
  /** Beside the HTML. */
  text?: string
}

const FROM = 'Nimbus Notes security'
const SENDER = 'security@nimbusnotes.com'
export const mainOf = (html: string): string => /<main>([\s\S]*)<\/main>/.exec(html)?.[1] ?? ''
export const sheetOf = (html: string): string => /<style>([\s\S]*?)<\/style>/.exec(html)?.[1] ?? ''
/** The page without our own sheet: only what styles say counts. */
export const bare = (page: string): string => page.replace(/<style>[\s\S]*?<\/style>/, '').replace(/<meta name="color-scheme"[^>]*>/, '')
const mailto = (address: string): string => `<a href="mailto:${address}">${address}</a>`

export function gmail({ mail, address }: SentNotice): GivenOn {
  const inner = mainOf(mail.html)
    .replaceAll('class="small"', 'class="m_-4383471925736180129small"')
    .replace(
      /<a href="([^"]+)">/g,
      '<a href="$1" target="_blank" data-saferedirecturl="https://www.google.com/url?q=$1&amp;source=gmail&amp;ust=1764225000000000&amp;usg=AOvVaw0_x-Yz12">',
    )
  const head = `<div dir="ltr" class="gmail_attr">---------- Forwarded message ---------<br>
From: <strong class="gmail_sendername" dir="auto">${FROM}</strong> <span dir="auto">&lt;${mailto(SENDER)}&gt;</span><br>
Date: Wed, 26 Nov 2025 at 13:30<br>
Subject: ${mail.subject}<br>
To:  &lt;${mailto(address)}&gt;<br>
</div>`
  return {
    html: `<div dir="ltr"><br><br><div class="gmail_quote gmail_quote_container">${head}<br><br><u></u>\n\n<div>\n<u></u>${inner}<u></u>\n</div>\n</div></div>\n`,
  }
}

const OUTLOOK_SHEET = `<style><!--
/* Font Definitions */
@font-face
	{font-family:"Cambria Math";
	panose-1:2 4 5 3 5 4 6 3 2 4;}
@font-face
	{font-family:Aptos;}
/* Style Definitions */
p.MsoNormal, li.MsoNormal, div.MsoNormal
	{margin:0in;
	font-size:11.0pt;
	font-family:"Aptos",sans-serif;}
a:link, span.MsoHyperlink
	{mso-style-priority:99;
	color:blue;
	text-decoration:underline;}
p.small, li.small, div.small
	{mso-style-name:small;
	mso-margin-top-alt:auto;
	margin-right:0in;
	mso-margin-bottom-alt:auto;
	margin-left:0in;
	font-size:12.0pt;
	font-family:"Times New Roman",serif;}
span.EmailStyle21
	{mso-style-type:personal-reply;
	font-family:"Aptos",sans-serif;
	color:windowtext;}
.MsoChpDefault
	{mso-style-type:export-only;
	font-size:10.0pt;
	mso-ligatures:none;}
@page WordSection1
	{size:8.5in 11.0in;
	margin:1.0in 1.0in 1.0in 1.0in;}
div.WordSection1
	{page:WordSection1;}
/* List Definitions */
@list l0
	{mso-list-id:1163668215;
	mso-list-template-ids:-1834519932;}
@list l0:level1
	{mso-level-number-format:bullet;
	mso-level-text:\\F0B7;
	mso-level-tab-stop:.5in;
	mso-level-number-position:left;
	text-indent:-.25in;
	mso-ansi-font-size:10.0pt;
	font-family:Symbol;}
ul
	{margin-bottom:0in;}
--></style>`

export const OUTLOOK_HEAD = `<html
xmlns:v="urn:schemas-microsoft-com:vml"
xmlns:o="urn:schemas-microsoft-com:office:office"
xmlns:w="urn:schemas-microsoft-com:office:word"
xmlns:m="http://schemas.microsoft.com/office/2004/12/omml"
xmlns="http://www.w3.org/TR/REC-html40">
<head><meta http-equiv=Content-Type content="text/html; charset=utf-8"><meta name=Generator content="Microsoft Word 15 (filtered medium)">
<!--[if !mso]><style>v\\:* {behavior:url(#default#VML);}
o\\:* {behavior:url(#default#VML);}
w\\:* {behavior:url(#default#VML);}
.shape {behavior:url(#default#VML);}
</style><![endif]-->${OUTLOOK_SHEET}<!--[if gte mso 9]><xml>
<o:shapedefaults v:ext="edit" spidmax="1026" />
</xml><![endif]--><!--[if gte mso 9]><xml>
<o:shapelayout v:ext="edit">
<o:idmap v:ext="edit" data="1" />
</o:shapelayout></xml><![endif]--></head>`

/** Outlook on Windows: Word writes the whole anew. */
export function outlook({ mail, address }: SentNotice): GivenOn {
  const span = (size: string, text: string): string =>
    `<span style='font-size:${size};line-height:130%;font-family:"Segoe UI",sans-serif;color:#1C2126'>${text}<o:p></o:p></span>`
  const inner = mainOf(mail.html)
    .replace(
      /<h([123])>([^<]*)<\/h[123]>/g,
      (_, level: string, text: string) =>
        `<h${level} style='mso-margin-top-alt:3.0pt;margin-right:0in;margin-bottom:13.5pt;margin-left:0in;line-height:130%'>
${span('17.0pt', text)}</h${level}>`,
    )
    .replace(
      /<p class="small">(.*?)<\/p>/g,
      (_, text: string) => `<p class=small style='margin:0in;line-height:150%'>${span('10.5pt', text)}</p>`,
    )
    .replace(
      /<p>(.*?)<\/p>/g,
      (_, text: string) =>
        `<p style='mso-margin-top-alt:0in;margin-right:0in;margin-bottom:9.0pt;margin-left:0in;line-height:160%'>${span('12.0pt', text)}
</p>`,
    )
    .replace(/<ul>/g, '<ul type=disc>')
    .replace(/<li>/g, `<li class=MsoNormal style='color:#1C2126;margin-bottom:5.25pt;line-height:160%;mso-list:l0 level1 lfo1'>`)
    .replace(/<bdi>|<\/bdi>/g, '')
    .replace(/<hr>/g, `<div class=MsoNormal align=center style='text-align:center'><hr size=2 width="100%" align=center></div>`)
  const head = `<div><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in'><p class=MsoNormal><b>
<span style='font-family:"Calibri",sans-serif'>From:</span></b>
<span style='font-family:"Calibri",sans-serif'> ${FROM} &lt;${SENDER}&gt; <br><b>Sent:</b> Wednesday, November 26, 2025 1:30 PM<br>
<b>To:</b> Asha Rao &lt;${address}&gt;<br><b>Subject:</b> ${mail.subject}<o:p></o:p></span></p></div></div>`
  return {
    html: `${OUTLOOK_HEAD}<body bgcolor="#EEF1F4" lang=EN-US link="#0A58A8" vlink="#96607D" style='word-wrap:break-word'>
<div class=WordSection1><p class=MsoNormal><o:p>&nbsp;</o:p></p>${head}<p class=MsoNormal><o:p>&nbsp;</o:p></p><div>${inner}</div></div>
</body></html>`,
    text: `From: ${FROM} <${SENDER}>
Sent: Wednesday, November 26, 2025 1:30 PM
To: Asha Rao <${address}>
Subject: ${mail.subject}

${mail.text.replaceAll('https://nimbusnotes.com/check', 'https://nimbusnotes.com/check<https://nimbusnotes.com/check>').replace(/^- /gm, '  *   ')}`,
  }
}

/** Outlook in the browser: classes get a prefix, the sheet another form. */
export function outlookWeb({ mail, address }: SentNotice): GivenOn {
  const inner = mainOf(mail.html)
    .replaceAll('class="small"', 'class="x_small"')
    .replace(/<a href=/g, '<a data-auth="NotApplicable" data-linkindex="0" id="OWA1a2b3c" href=')
  const rules = sheetOf(mail.html)
    .replace(/\bp\.small/g, 'p.x_small')
    .replace('b.code', 'b.x_code')
  const sheet = `<style>\n<!--\n${rules.replace(/\{/g, '\n\t{').replace(/;/g, ';\n\t')}\n-->\n</style>`
  const font =
    'font-family: Aptos, Aptos_EmbeddedFont, Aptos_MSFontService, Calibri, Helvetica, sans-serif; font-size: 12pt; color: rgb(0, 0, 0);'
  const page = (style: string, more: string): string =>
    `<html><head>\n<meta http-equiv="Content-Type" content="text/html; charset=utf-8">${more}
<style type="text/css" style="display:none;"> P {margin-top:0;margin-bottom:0;} </style>
</head>
<body dir="ltr">
<div class="elementToProof"${style}><br></div>
<div id="appendonsend"></div>
<hr style="display:inline-block;width:98%" tabindex="-1">
<div id="divRplyFwdMsg" dir="ltr"><font face="Calibri, sans-serif" style="font-size:11pt"${style === '' ? '' : ' color="#000000"'}>
<b>From:</b> ${FROM} &lt;${SENDER}&gt;<br><b>Sent:</b> Wednesday, November 26, 2025 1:30 PM<br>
<b>To:</b> ${address} &lt;${address}&gt;<br><b>Subject:</b> ${mail.subject}</font><div>&nbsp;</div></div>
<div class="BodyFragment" lang="en">${inner}</div>
</body></html>`
  return { html: page(` style="${font}"`, ''), text: page('', sheet) }
}

/** Apple's Mail leaves the notice as it is, and puts it into a quote. */
export function apple({ mail, address }: SentNotice): GivenOn {
  const label = (name: string, value: string): string =>
    `<div style="margin-top: 0px; margin-right: 0px; margin-bottom: 0px; margin-left: 0px;">
<span style="font-family: -webkit-system-font, Helvetica Neue, Helvetica, sans-serif; color:rgba(0, 0, 0, 1.0);"><b>${name}: </b></span>
<span style="font-family: -webkit-system-font, Helvetica Neue, Helvetica, sans-serif;">${value}<br></span></div>`
  const head = /<head>([\s\S]*)<\/head>/.exec(mail.html)?.[1] ?? ''
  return {
    html: `<html><head><meta http-equiv="content-type" content="text/html; charset=utf-8"></head>
<body style="overflow-wrap: break-word; -webkit-nbsp-mode: space; line-break: after-white-space;"><br id="lineBreakAtBeginningOfMessage">
<div><br><blockquote type="cite"><div>Begin forwarded message:</div><br class="Apple-interchange-newline">
${label('From', `"${FROM}" &lt;${mailto(SENDER)}&gt;`)}${label(
  'Subject',
  `<b>${mail.subject}
</b>`,
)}${label('Date', '26 November 2025 at 1:30:00 PM IST')}${label('To', mailto(address))}<br><div>${head}\n<main>${mainOf(mail.html)}
</main></div></blockquote></div><br></body></html>`,
  }
}

export function thunderbird({ mail, address }: SentNotice): GivenOn {
  const row = (name: string, value: string): string =>
    `<tr><th valign="BASELINE" align="RIGHT" nowrap="nowrap">${name}: </th><td>${value}</td></tr>`
  const head = /<head>([\s\S]*)<\/head>/.exec(mail.html)?.[1] ?? ''
  return {
    html: `<!DOCTYPE html>
<html>
  <head>

    <meta http-equiv="content-type" content="text/html; charset=UTF-8">
  </head>
  <body>
    <p><br>
    </p>
    <div class="moz-forward-container"><br>
      <br>
      -------- Forwarded Message --------
      <table class="moz-email-headers-table" cellspacing="0" cellpadding="0" border="0"><tbody>
${row('Subject', mail.subject)}${row('Date', 'Wed, 26 Nov 2025 13:30:00 +0530')}
${row('From', `${FROM} <a class="moz-txt-link-rfc2396E" href="mailto:${SENDER}">&lt;${SENDER}&gt;</a>`)}
${row('To', `<a class="moz-txt-link-abbreviated" href="mailto:${address}">${address}</a>`)}
</tbody></table>
      <br>
      <br>
      ${head}<main>${mainOf(mail.html)}</main></div>
  </body>
</html>`,
  }
}

export function yahoo({ mail, address }: SentNotice): GivenOn {
  const inner = mainOf(mail.html)
    .replaceAll('class="small"', 'class="yiv3819471026small"')
    .replace(/<a href=/g, '<a rel="nofollow noopener noreferrer" target="_blank" href=')
  return {
    html: `<html><head></head><body><div class="ydp5f1c8a31yahoo_quoted" id="yahoo_quoted_1764144000">
<div style="font-family:'Helvetica Neue', Helvetica, Arial, sans-serif;font-size:13px;color:#26282a;">
<div>----- Forwarded message -----</div><div><b>From:</b> ${FROM} &lt;${SENDER}&gt;</div><div>
<b>To:</b> ${address} &lt;${address}&gt;</div><div><b>Sent:</b> Wednesday 26 November 2025 at 01:30:00 pm IST</div><div>
<b>Subject:</b> ${mail.subject}</div><div><br></div><div><div id="yiv3819471026"><div>${inner}</div></div></div></div></div></body>
</html>`,
  }
}

/** As company filters and servers leave it: another sheet in front, a note to be careful, links through the filter. */
export const BANNER =
  'CAUTION: This email originated from outside of the organization. Do not click links or open attachments unless you recognize the sender and know the content is safe.'
export const SAFE_LINK = `https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fnimbusnotes.com%2Fcheck&data=05%7C02%7Casha.rao%40example.net%7C6944b67827e54648%7C0%7C0%7C638997%7CUnknown%7CTWFpbGZsb3d8%3D%3D%7C0%7C%7C%7C&sdata=qPb0a6x%2BYz%3D&reserved=0`
export const DEFENSE_LINK = 'https://urldefense.com/v3/__https://nimbusnotes.com/check__;!!Ab12Cd-3!Xy_z9-Lm$'
export const DEFENSE_2_LINK =
  'https://urldefense.proofpoint.com/v2/url?u=https-3A__nimbusnotes.com_check&d=DwMFaQ&c=euGZstcaTDllvimEN8b7jXrwqOf-v5A_CdpgnVfiiMM&r=abc&m=def&s=ghi&e='
const ESCAPED = (link: string): string => link.replaceAll('&', '&amp;')

export const throughFilter = (html: string, link: string): string =>
  html.replaceAll('href="https://nimbusnotes.com/check"', () => `href="${ESCAPED(link)}"`)
export const withBanner = (html: string, banner = BANNER): string =>
  html.replace(
    '<main>',
    () =>
      `<table border="0" cellspacing="0" cellpadding="0" align="left" width="100%"><tr>
<td style="background:#ffb900;padding:5pt 2pt 5pt 2pt"></td>
<td width="100%" style="background:#fff8e5;padding:5pt 4pt 5pt 12pt;word-wrap:break-word"><div style="color:#222222;">${banner}</div></td>
</tr></table><main>`,
  )
