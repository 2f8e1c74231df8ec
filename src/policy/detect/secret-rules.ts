/**
 * Keys and tokens of known vendors, by the mark with which each begins. Facts from the vendors' documentation. Every
 * pattern is tried at one place only, where its mark stands at the edge of a word, and has one way to match.
 */
export interface SecretRule {
  /** `vendor.kind`; also what stands in the place of a destroyed one. */
  rule: string
  /** Sticky: tried where the text has the mark. */
  pattern: RegExp
}

const CODE = '[A-Za-z0-9_-]'
const WORD = '[A-Za-z0-9]'
const HEX = '[a-f0-9]'
/** At least one digit among letters: words with dashes are no key. */
const WITH_DIGIT = `(?=${CODE}{0,200}\\d)`

/** `mark` is taken as it stands, `rest` is a pattern. */
function rule(name: string, ...forms: [mark: string, rest: string][]): [mark: string, rule: SecretRule][] {
  return forms.map(([mark, rest]) => {
    const literal = mark.replaceAll(/[.$*+?()[\]{}|^/\\-]/g, '\\$&')
    return [mark, { rule: name, pattern: new RegExp(`${literal}${rest}`, 'y') }]
  })
}

const marks = (list: string, rest: string): [mark: string, rest: string][] => list.split(' ').map((mark) => [mark, rest])

/** Longer marks of one vendor come before shorter ones. */
const RULES: readonly (readonly [mark: string, rule: SecretRule])[] = [
  ...rule('jwt', ['eyJ', `${CODE}{8,1024}\\.${CODE}{4,}(?:\\.${CODE}*){0,3}`]),
  ...rule('anthropic.api_key', ['sk-ant-', `${CODE}{20,}`]),
  ...rule('openrouter.api_key', ['sk-or-', `${CODE}{20,}`]),
  ...rule(
    'openai.api_key',
    ...marks('sk-proj- sk-svcacct- sk-admin- sk-service- sk-None-', `${WITH_DIGIT}${CODE}{20,}`),
    ['sk-', `${WITH_DIGIT}(?:${WORD}{20,}${CODE}*|(?=${CODE}{0,200}[a-z])(?=${CODE}{0,200}[A-Z])${CODE}{32,})`],
    // Letters alone, too many and too mixed for words.
    ['sk-', `(?=${WORD}{0,60}[a-z])(?=${WORD}{0,60}[A-Z])${WORD}{40,}`],
    ['sess-', `${WORD}{40}(?!${WORD})`],
  ),
  ...rule('stripe.secret_key', ...marks('sk_live_ sk_test_ rk_live_ rk_test_', `${WORD}{10,}`)),
  ...rule('stripe.webhook_secret', ['whsec_', '[A-Za-z0-9+/=]{16,}']),
  ...rule('elevenlabs.api_key', ['sk_', `${HEX}{48}(?!${WORD})`]),
  ...rule('aws.access_key_id', ...marks('AKIA ASIA ABIA ACCA', `[A-Z0-9]{16}(?!${WORD})`)),
  ...rule('aws.bedrock_key', ['ABSK', '[A-Za-z0-9+/]{100,}={0,2}'], ['bedrock-api-key-', `${CODE}{20,}`]),
  ...rule('google.api_key', ['AIza', `${CODE}{30,}`]),
  ...rule('google.oauth', ['GOCSPX-', `${CODE}{20,}`], ['ya29.', `${CODE}{20,}`], ['1//0', `${CODE}{30,}`]),
  ...rule('github.token', ...marks('ghp_ gho_ ghu_ ghs_ ghr_', `${WORD}{20,}`), ['github_pat_', '[A-Za-z0-9_]{20,}']),
  ...rule(
    'gitlab.token',
    ...marks('glpat- gldt- glrt- glptt- glcbt- glimt- glagent- gloas- glsoat- glffct- glft- GR1348941', `${CODE}{16,}(?:\\.${CODE}+)*`),
  ),
  ...rule('bitbucket.token', ['ATBB', `${WORD}{28,}`]),
  ...rule('atlassian.token', ...marks('ATATT3 ATCTT3 ATSTT3', '[A-Za-z0-9_=-]{30,}')),
  ...rule('slack.token', ...marks('xoxb- xoxp- xoxa- xoxr- xoxs- xoxe- xoxe. xoxo- xoxd- xoxc- xapp- xwfp-', '[A-Za-z0-9.%-]{10,}')),
  ...rule('twilio.api_key', ['SK', `${HEX}{32}(?!${WORD})`]),
  ...rule('twilio.account', ['AC', `${HEX}{32}(?!${WORD})`]),
  ...rule('sendgrid.api_key', ['SG.', `${CODE}{16,128}\\.${CODE}{16,}`]),
  ...rule('mailgun.api_key', ['key-', `${HEX}{32}(?!${WORD})`], ['pubkey-', `${HEX}{32}(?!${WORD})`]),
  ...rule('brevo.api_key', ...marks('xkeysib- xsmtpsib-', `${HEX}{40,}(?:-${WORD}+)?`)),
  ...rule('resend.api_key', ['re_', `${WORD}{6,10}_${WORD}{20,}`]),
  ...rule('npm.token', ['npm_', `${WORD}{30,}`]),
  ...rule('pypi.token', ...marks('pypi-AgE pypi-', `${CODE}{50,}`)),
  ...rule('rubygems.api_key', ['rubygems_', `${HEX}{48}`]),
  ...rule('nuget.api_key', ['oy2', `[a-z0-9]{43}(?!${WORD})`]),
  ...rule('crates.token', ['cio', `${WORD}{32}(?!${WORD})`]),
  ...rule('clojars.token', ['CLOJARS_', '[a-z0-9]{60}']),
  ...rule('docker.token', ...marks('dckr_pat_ dckr_oat_', `${CODE}{20,}`)),
  ...rule('digitalocean.token', ...marks('dop_v1_ doo_v1_ dor_v1_', `${HEX}{64}`)),
  ...rule('heroku.api_key', ['HRKU-', `${CODE}{30,}`]),
  ...rule('netlify.token', ...marks('nfp_ nfo_ nfc_ nfu_', `${WORD}{30,}`)),
  ...rule('vercel.token', ...marks('vcp_ vci_ vca_ vcr_ vck_', `${CODE}{20,}`)),
  ...rule('fly.token', ...marks('fo1_ fm1_ fm2_ fm1r_ fm1a_', `[A-Za-z0-9+/_=-]{30,}`)),
  ...rule('cloudflare.origin_ca', ['v1.0-', `${HEX}{24}-${HEX}{100,}`]),
  ...rule('supabase.key', ...marks('sbp_ sb_secret_', `${CODE}{20,}`)),
  ...rule('planetscale.token', ...marks('pscale_tkn_ pscale_pw_ pscale_oauth_', '[A-Za-z0-9_.=-]{30,}')),
  ...rule('neon.api_key', ['napi_', `[a-z0-9]{40,}`]),
  ...rule('databricks.token', ['dapi', `${HEX}{32}(?:-\\d)?(?!${WORD})`]),
  ...rule('airtable.token', ['pat', `${WORD}{14}\\.${HEX}{64}`]),
  ...rule('notion.token', ['ntn_', `${WORD}{40,}`], ['secret_', `${WORD}{43}(?!${WORD})`]),
  ...rule('linear.api_key', ...marks('lin_api_ lin_oauth_', `${WORD}{30,}`)),
  ...rule('figma.token', ...marks('figd_ figu_', `${CODE}{30,}`)),
  ...rule('shopify.token', ...marks('shpat_ shpca_ shppa_ shpss_ shpua_', '[a-fA-F0-9]{32}')),
  ...rule('square.token', ...marks('sq0atp- sq0csp- sq0idp- sq0idb-', `${CODE}{22,}`), ['EAAA', `${CODE}{56,}`]),
  ...rule('paypal.braintree_token', ['access_token$', `(?:production|sandbox)\\$[0-9a-z]{16}\\$${HEX}{32}`]),
  ...rule('plaid.token', ...marks('access-sandbox- access-development- access-production-', `${HEX}{8}(?:-${HEX}{4}){3}-${HEX}{12}`)),
  ...rule('adyen.api_key', ['AQE', '[A-Za-z0-9+/=]{60,}']),
  ...rule('razorpay.key', ...marks('rzp_live_ rzp_test_', `${WORD}{14}`)),
  ...rule('paystack.key', ...marks('FLWSECK_TEST- FLWSECK-', `${WORD}{12,}`)),
  ...rule('mercadopago.token', ...marks('APP_USR- TEST-', `\\d{12,16}-\\d{6}-${HEX}{32}`)),
  ...rule('facebook.token', ['EAACEdEose0cBA', `${WORD}+`], ['EAA', `(?=${WORD}{0,200}\\d)${WORD}{90,}`]),
  ...rule('twitter.bearer', ['AAAAAAAAAAAAAAAAAAAA', '[A-Za-z0-9%]{30,}']),
  ...rule('dropbox.token', ['sl.', `${CODE}{120,}`]),
  ...rule('hashicorp.vault_token', ...marks('hvs. hvb. hvr.', `${CODE}{20,}`)),
  ...rule('doppler.token', ...marks('dp.pt. dp.ct. dp.st. dp.sa. dp.scim. dp.audit.', '[A-Za-z0-9._-]{20,}')),
  ...rule('pulumi.token', ['pul-', `${HEX}{40}`]),
  ...rule('grafana.token', ['glsa_', `${WORD}{32}_${HEX}{8}`], ['glc_', '[A-Za-z0-9+/=]{32,}']),
  ...rule('sentry.token', ...marks('sntrys_ sntryu_ sntrya_', '[A-Za-z0-9+/=_-]{40,}')),
  ...rule('newrelic.key', ...marks('NRAK- NRJS- NRII- NRIQ- NRRA- NRSP-', `${CODE}{19,}`)),
  ...rule('posthog.key', ...marks('phx_ phs_ pha_', `${WORD}{30,}`)),
  ...rule('mapbox.secret', ['sk.eyJ', `${CODE}{8,512}\\.${CODE}{20,}`]),
  ...rule('contentful.token', ['CFPAT-', `${CODE}{40,}`]),
  ...rule('sourcegraph.token', ['sgp_', `[a-zA-Z0-9_]{40,}`]),
  ...rule('postman.api_key', ['PMAK-', `${HEX}{24}-${HEX}{34}`]),
  ...rule('prefect.token', ...marks('pnu_ pnb_', `${WORD}{36}`)),
  ...rule('readme.api_key', ['rdme_', '[a-z0-9]{60,}']),
  ...rule('typeform.token', ['tfp_', '[A-Za-z0-9_.=-]{40,}']),
  ...rule('frameio.token', ['fio-u-', '[A-Za-z0-9_=-]{50,}']),
  ...rule('duffel.token', ...marks('duffel_test_ duffel_live_', '[A-Za-z0-9_=-]{40,}')),
  ...rule('easypost.token', ...marks('EZAK EZTK', `${WORD}{54}`)),
  ...rule('shippo.token', ...marks('shippo_live_ shippo_test_', `${HEX}{40}`)),
  ...rule('artifactory.token', ['AKCp', `${WORD}{60,}`]),
  ...rule('onepassword.token', ['ops_eyJ', `${CODE}{60,}`]),
  ...rule('infracost.key', ['ico-', `${WORD}{32}`]),
  ...rule('scalingo.token', ['tk-us-', `${CODE}{40,}`]),
  ...rule('tailscale.key', ['tskey-', `[a-z]+-${CODE}{16,}`]),
  ...rule('openshift.token', ['sha256~', `${CODE}{43}`]),
  ...rule('age.secret_key', ['AGE-SECRET-KEY-1', '[A-Z0-9]{50,}']),
  ...rule('alibaba.key_id', ['LTAI', `${WORD}{12,24}(?!${WORD})`]),
  ...rule('tencent.secret_id', ['AKID', `${WORD}{32}(?!${WORD})`]),
  ...rule('yandex.token', ['AQVN', `${CODE}{30,}`], ['t1.', `${CODE}{20,256}\\.${CODE}{80,}`]),
  ...rule('huggingface.token', ['hf_', `${WORD}{30,}`], ['api_org_', `${WORD}{30,}`]),
  ...rule('groq.api_key', ['gsk_', `${WORD}{40,}`]),
  ...rule('xai.api_key', ['xai-', `${WORD}{60,}`]),
  ...rule('perplexity.api_key', ['pplx-', `${WORD}{40,}`]),
  ...rule('replicate.token', ['r8_', `${WORD}{30,}`]),
  ...rule('fireworks.api_key', ['fw_', `${WORD}{20,}`]),
  ...rule('nvidia.api_key', ['nvapi-', `${CODE}{40,}`]),
  ...rule('pinecone.api_key', ['pcsk_', `[A-Za-z0-9_]{40,}`]),
  ...rule('tavily.api_key', ['tvly-', `${CODE}{20,}`]),
  ...rule('langsmith.api_key', ...marks('lsv2_pt_ lsv2_sk_', `${HEX}{32}_${HEX}{10}`)),
  ...rule('discord.bot_token', ...marks('M N O', `${CODE}{23,25}\\.${CODE}{6}\\.${CODE}{27,}`)),
  ...rule('okta.token', ['SSWS 00', `${CODE}{38,42}`]),
]

/** Rules by the first two characters of their mark; those of one character stand under each pair that begins with it. */
const BY_PAIR = new Map<number, SecretRule[]>()
const BY_FIRST = new Map<number, SecretRule[]>()
for (const [mark, secret] of RULES) {
  const table = mark.length === 1 ? BY_FIRST : BY_PAIR
  const key = mark.length === 1 ? mark.charCodeAt(0) : pairOf(mark, 0)
  table.set(key, [...(table.get(key) ?? []), secret])
}

function pairOf(text: string, at: number): number {
  return (text.charCodeAt(at) << 8) | (text.charCodeAt(at + 1) & 0xff)
}

const NONE: readonly SecretRule[] = []
const ASCII = 128

/** By the two characters: nearly all that words begin with begin no key. */
const BEGINS = Uint8Array.from({ length: ASCII * ASCII }, (_, pair) =>
  Number(BY_PAIR.has(((pair / ASCII) << 8) | (pair % ASCII)) || BY_FIRST.has(Math.floor(pair / ASCII))),
)

/** Whether a mark may begin with these two. */
export function mayBegin(first: number, second: number): boolean {
  return first < ASCII && BEGINS[first * ASCII + (second < ASCII ? second : 0)] === 1
}

/** Rules whose mark may stand at `at`. */
export function rulesAt(text: string, at: number): readonly SecretRule[] {
  return BY_PAIR.get(pairOf(text, at)) ?? BY_FIRST.get(text.charCodeAt(at)) ?? NONE
}
