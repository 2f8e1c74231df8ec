/**
 * Words that stand in the paths of all products and are nobody's name. A path without approvals keeps these alone; a
 * closed list, since `/u/asha-verma` looks like any other word.
 */
export const PATH_WORDS: ReadonlySet<string> = new Set(
  (
    'about access account accounts actions activate activity add admin agents ai alerts all analytics annotations answers api apikeys api-keys app ' +
    'apps archive archives article articles assets assistant assistants attachments audit audit-log auth authors automations balance ban billing blog board boards ' +
    'book booking bookings bookmarks brand brands browse bugs build builds business buy calendar calls campaign campaigns cancel careers ' +
    'cart carts catalog categories category changelog channel channels chart charts chat chats checkout cities class classes clients cohort cohorts collection ' +
    'collections comment comments commit commits community companies company compare complete config configuration confirm connect connections ' +
    'console contact contact-us contacts content contest contracts conversation conversations cookies copy coupon coupons course courses create ' +
    'credits css current customer customers customize dashboard dashboards data dataset datasets day deals default delete delivery demo deploy deployments ' +
    'design details developer developers devices diff digest discover discussions docs document documentation documents domains done download ' +
    'downloads draft drafts edit editor email emails embed employees en endpoints enterprise environments error errors event events example ' +
    'examples expenses explore export exports faq faqs favorites feature features feed feedback fields file files filter filters finance ' +
    'finish flow flows folder folders follow followers forgot forgot-password form forms forum free friends funnel funnels gallery general ' +
    'get-started getting-started gift graph group groups guide guides health help history home hotels html images img import imports inbox incidents index index.html ' +
    'insights install integrations invite invites invoice invoices issue issues item items job jobs join js keys kb knowledge-base labels ' +
    'landing languages latest leads learn legal library license likes links list listing listings lists live loans local location locations log ' +
    'login logout logs manage map maps market marketplace me media meeting meetings member members menu merge message messages metrics ' +
    'migrations mobile model models module modules monitor movies music my new news newsletter next note notes notifications oauth offers office onboarding open ' +
    'order orders organization organizations org orgs overview owner packages page pages password patients pay payment payments payouts people ' +
    'permissions photos pipelines place places plan plans platform play playground playlists plugins policies policy popular portal portfolio post posts ' +
    'preferences preview press pricing privacy process product production products profile profiles programs project projects promo prompts properties ' +
    'property proposals providers public publish pull pulls purchase purchases queries query questions queue quiz quote quotes recent recipes recommended ' +
    'refer reference referrals refunds register registration releases remove rename report reports repositories repository request requests reservations reset ' +
    'reset-password resources results retention return returns review reviews role roles room rooms rules run runs sale sales save saved schedule ' +
    'schools scripts search section sections security segments select send servers service services session sessions set-password settings setup ' +
    'share shared shipping shop show sign-in sign-up sign_in sign_up signin signout signup sitemap solutions sort spaces start static stats status ' +
    'step steps stop storage store stores stories story students subscribe subscription subscriptions success suggestions summary support ' +
    'survey surveys sync system table tables tag tags target task tasks tax team teams template templates terms test tests thank-you ' +
    'thanks themes thread threads ticket tickets timeline tokens tools topic topics track tracking traces trade training transactions transfer ' +
    'transfers travel trends trial trips tutorial tutorials types unsubscribe update updates upgrade upload uploads usage user users v1 v2 v3 v4 ' +
    'variants vehicles vendors verify version versions video videos view views visa visits wallet warehouse watch webhooks week welcome widgets wiki ' +
    'wishlist work workflow workflows workspace workspaces year'
  ).split(' '),
)
