/** What words around it make personal: names, postal addresses, coordinates, dates of birth, devices. */
import { isDay, isLuhn } from './checksums.ts'
import { type Add, isNear, matchesIn } from './finding.ts'
import { words } from './id-rules.ts'
import { addEndings, markOf } from './marks.ts'
import { type Features, marksOfWord } from './prescan.ts'

const NAME_WORD =
  "(?:\\p{Lu}[\\p{L}\\p{M}'\u2019-]{1,30}|\\p{Lu}\\.|(?:de|da|di|van|von|der|den|la|le|bin|binti|al|el|ibn|dos|du|ter)(?= ))"
const NAME = `${NAME_WORD}(?: ${NAME_WORD}){0,4}`
const TITLES =
  'Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Sir|Dame|Shri|Smt|Sri|Kum|Herr|Frau|M(?=\\.)|Mme|Mlle|Sr|Sra|Srta|Sig|Signora?|Don|Do\u00f1a|Rev|Capt|Lt|Col|Sgt|Hon'
const TITLED = new RegExp(`(?<![\\p{L}\\p{N}])(?:${TITLES})\\.? (${NAME})`, 'gu')
const TITLE_MARK = new RegExp(`(?<![\\p{L}])(?:${TITLES})\\.? \\p{Lu}`, 'u')
const INTRODUCED = new RegExp(
  `(?<![\\p{L}])(?:[Mm]y name is|[Nn]ame is|I am called|[Cc]alled|I'm|Dear|Hi|Hello|Hey|Regards,|Sincerely,|Signed,|[Mm]e llamo|[Mm]i nombre es|[Ii]ch hei\u00dfe|[Mm]ein Name ist|[Jj]e m'appelle|[Mm]i chiamo|\u092e\u0947\u0930\u093e \u0928\u093e\u092e) (${NAME})(?=[ ,.!?;:)\\n]|$)`,
  'gu',
)
const INTRODUCED_MARK = /name is|called|I'm|Dear|Hi |Hello|Hey|Regards|Sincerely|Signed|llamo|nombre es|heiße|Name ist|appelle|chiamo|नाम/
const HINDI_NAME = /मेरा नाम ([\p{L}\p{M}]{1,30}(?: [\p{L}\p{M}]{1,30}){0,2}?)(?= है|[।,.]|$)/gu
/** Capital letters begin these as well, and nobody is called so. */
const NO_NAME =
  /^(?:The|This|That|There|Team|All|Everyone|Customer|Customers|User|Users|Sir|Madam|Support|Sales|Friend|World|Again|Not|Just|New|Your|Our|My|We|You|It|Is|In|On|At|To|For|And|Or|If|But|So|No|Yes|Here|How|What|When|Where|Who|Why|Very|Member|Subscriber|Valued|Hiring|Admin|Guest|Folks|Robot|Going|Looking|Sorry|Good|Great|Happy|Product|Service|Company|Plan)$/

/** One look for all of them: most sentences have none. */
const NAME_MARK = new RegExp(`${TITLE_MARK.source}|${INTRODUCED_MARK.source}`, 'u')

const NAME_WORDS = markOf(
  TITLES,
  'name',
  'called',
  'm',
  'dear',
  'hi',
  'hello',
  'hey',
  'regards',
  'sincerely',
  'signed',
  'llamo',
  'nombre',
  'appelle',
  'chiamo',
)

export function mayHoldNames({ marks }: Features): boolean {
  return (marks & NAME_WORDS) !== 0
}

export function findNames(text: string, features: Features, add: Add): void {
  if (!mayHoldNames(features) || !NAME_MARK.test(text)) return
  const take = (pattern: RegExp, confidence: number): void => {
    for (const match of matchesIn(text, pattern)) {
      const name = match[1] as string
      const start = match.index + match[0].length - name.length
      if (!NO_NAME.test(name.split(' ')[0] as string)) add({ kind: 'name', rule: 'name', start, end: start + name.length, confidence })
    }
  }
  if (TITLE_MARK.test(text)) take(TITLED, 0.85)
  if (INTRODUCED_MARK.test(text)) {
    take(INTRODUCED, 0.6)
    take(HINDI_NAME, 0.7)
  }
}

const STREETS =
  'street|st|avenue|ave|av|road|rd|lane|ln|drive|dr|boulevard|blvd|court|ct|place|pl|square|sq|terrace|ter|trail|trl|parkway|pkwy|highway|hwy|circle|cir|way|close|crescent|cres|gardens|grove|mews|row|alley|marg|nagar|colony|chowk|layout|cross|main road|path|gali|vihar|enclave|salai'
const HOUSE = '\\d{1,5}[A-Za-z]?(?:[-/]\\d{1,3}[A-Za-z]?)?'
/** Between a number and the word for a street stands its name: none of these. */
const BETWEEN =
  '(?!(?:in|on|of|to|the|a|an|and|or|for|by|at|as|per|is|are|was|with|from|than|items?|people|users?|days?|hours?|minutes?|seconds?|weeks?|months?|years?|times?|ways?|more|steps?|files?|points?|votes?|pages?|orders?)(?![\\p{L}]))'
const STREET = new RegExp(
  `(?<![\\p{L}\\p{N}.\\-/])${HOUSE},? (?:${BETWEEN}[\\p{L}\\p{M}\\d.'\u2019-]{1,30} ){1,4}(?:${STREETS})(?![\\p{L}\\p{N}])\\.?(?:,? (?:apt|apartment|suite|ste|unit|flat|floor|fl|#)\\.? ?[A-Za-z0-9-]{1,8})?`,
  'giu',
)
/** Without a word that is one of these or ends in one no pattern of a street, a box or a house is tried. */
const MARK_WORDS: ReadonlySet<string> = new Set(
  `${STREETS}|rue|all\u00e9e|chemin|impasse|quai|cours|via|viale|piazza|corso|calle|avenida|plaza|paseo|rua|ulica|ul|flat|house|h|plot|door|d|shop|quarter|box|postfach|apartado|main`.split(
    '|',
  ),
)
const MARK_ENDING = /(?:stra(?:\u00df|ss)e|str|weg|platz|allee|gasse|ring|damm|ufer|straat|laan|gatan|v\u00e4gen|gade|vej|gata)$/

const STREET_WORDS = markOf([...MARK_WORDS].join('|'))
addEndings(STREET_WORDS, [
  'strasse',
  'str',
  'weg',
  'platz',
  'allee',
  'gasse',
  'ring',
  'damm',
  'ufer',
  'straat',
  'laan',
  'gatan',
  'gade',
  'vej',
  'gata',
])

/** Letters beyond ASCII may stand for others. */
function mayBeStreetWord(text: string, start: number, end: number): boolean {
  return (marksOfWord(text, start, end) & STREET_WORDS) !== 0 || hasUmlaut(text, start, end)
}

function hasUmlaut(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (text.charCodeAt(at) > 127) return true
  return false
}

function mayBeStreet(text: string): boolean {
  let start = -1
  for (let at = 0; at <= text.length; at++) {
    const code = at < text.length ? text.charCodeAt(at) : 0
    if ((code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code > 127) {
      if (start < 0) start = at
    } else if (start >= 0) {
      const length = at - start
      if (length <= MARK_CHARACTERS_MAX && mayBeStreetWord(text, start, at)) {
        const word = text.slice(start, at).toLowerCase()
        // Where names of streets are one word they are written with a capital.
        const isCapital = text.charCodeAt(start) < 97 || text.charCodeAt(start) > 127
        if (MARK_WORDS.has(word) || (length > 5 && isCapital && MARK_ENDING.test(word))) return true
      }
      start = -1
    }
  }
  return false
}

/** The longest names of streets in one word. */
const MARK_CHARACTERS_MAX = 44

const EUROPEAN_STREET =
  /(?<![\p{L}])(?:[\p{Lu}][\p{L}\p{M}-]{2,40}(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse|ring|damm|ufer|straat|laan|gatan|v\u00e4gen|gade|vej|gata)|(?:rue|avenue|boulevard|place|all\u00e9e|chemin|via|viale|piazza|corso|calle|avenida|plaza|paseo|rua|pra\u00e7a|ulica|ul\.)(?: (?:de|du|des|la|le|les|del|della|di|da|do|dos|das|of)){0,3}(?: (?:[dl]['\u2019])?[\p{Lu}][\p{L}\p{M}'\u2019-]{1,30}){1,4})[ ,]{1,2}\d{1,4}[a-zA-Z]?(?![\p{L}\p{N}])/gu
const FRENCH_STREET =
  /(?<![\p{L}\p{N}])\d{1,4}(?: (?:bis|ter))?,? (?:rue|avenue|boulevard|place|all\u00e9e|chemin|impasse|quai|cours)(?: (?:de|du|des|la|le|les)){0,3}(?: (?:[dl]['\u2019])?[\p{Lu}][\p{L}\p{M}'\u2019-]{1,30}){1,4}/gu
const BOX = /(?<![A-Za-z])(?:p\.? ?o\.? ?box|post office box|postfach|apartado)[ :#]{1,3}\d{1,7}(?!\d)/gi
const INDIAN_HOUSE =
  /(?<![A-Za-z])(?:flat|house|h\.? ?no|plot|door|d\.? ?no|shop|quarter)(?: ?(?:no|number))?[.:# ]{1,3}[A-Za-z]?-?\d{1,5}[A-Za-z]?(?:[-/]\d{1,4}){0,3},? [^\n]{3,80}/gi
const UK_POSTCODE =
  /(?<![A-Za-z0-9])(?:GIR 0AA|[A-PR-UWYZ](?:\d{1,2}|[A-HK-Y]\d|[A-HK-Y]\d\d|\d[A-HJKPSTUW]|[A-HK-Y]\d[ABEHMNPRV-Y]) \d[ABD-HJLNP-UW-Z]{2})(?![A-Za-z0-9])/g
const ZIP =
  /(?<![A-Za-z0-9-])(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]) \d{5}(?:-\d{4})?(?![A-Za-z0-9-])/g
const ZIP_FOUR = /(?<![\d-])\d{5}-\d{4}(?![\d-])/g
const POSTAL_WORDS = words('zip(?: ?code)?', 'post(?:al)? ?code', 'pin(?: ?code)?', 'plz', 'postleitzahl')
const POSTAL_MARK = markOf(POSTAL_WORDS)
const POSTAL_CODE = /(?<![\w.#-])\d{5,6}(?![\w.-])/g

export function findPostalAddresses(text: string, features: Features, add: Add, hint: string): void {
  const take = (pattern: RegExp, rule: string, confidence: number): void => {
    for (const { 0: found, index } of matchesIn(text, pattern))
      add({ kind: 'address', rule, start: index, end: index + found.length, confidence })
  }
  const { digits, upper, lower, spaces, dashes, marks } = features
  if ((marks & STREET_WORDS) !== 0 && spaces > 0 && upper + lower >= 3 && mayBeStreet(text)) {
    take(STREET, 'street', 0.7)
    take(EUROPEAN_STREET, 'street', 0.75)
    take(FRENCH_STREET, 'street', 0.8)
    take(BOX, 'po_box', 0.85)
    take(INDIAN_HOUSE, 'in.house', 0.7)
  }
  if (upper >= 2 && spaces > 0) {
    take(UK_POSTCODE, 'uk.postcode', 0.6)
    if (digits >= 5) take(ZIP, 'us.zip', 0.7)
  }
  if (digits < 5 || ((marks & POSTAL_MARK) === 0 && hint === '')) return
  if (!POSTAL_WORDS.test(hint) && !POSTAL_WORDS.test(text)) return
  for (const [pattern, rule] of [
    [ZIP_FOUR, 'us.zip'],
    [POSTAL_CODE, 'postal_code'],
  ] as const) {
    if (pattern === ZIP_FOUR && dashes === 0) continue
    for (const { 0: code, index } of matchesIn(text, pattern)) {
      const span = { start: index, end: index + code.length }
      if (isNear(text, span, POSTAL_WORDS, hint)) add({ kind: 'address', rule, ...span, confidence: 0.75 })
    }
  }
}

const PAIR = /(?<![\w.])([+-]?\d{1,3}\.\d{2,17})\u00b0? ?[NS]?(?:, ?|;| )([+-]?\d{1,3}\.\d{2,17})(?!\d|\.\d)/g
const DEGREES =
  /\d{1,3} ?\u00b0 ?(?:\d{1,2} ?['\u2032] ?(?:\d{1,2}(?:\.\d+)? ?["\u2033] ?)?)?[NS][ ,]{1,3}\d{1,3} ?\u00b0 ?(?:\d{1,2} ?['\u2032] ?(?:\d{1,2}(?:\.\d{1,9})? ?["\u2033] ?)?)?[EW]/g
const PLUS_CODE = /(?<![A-Z0-9])[23456789CFGHJMPQRVWX]{8}\+[23456789CFGHJMPQRVWX]{2,3}(?![A-Z0-9])/g
const PLACE_WORDS = words(
  'lat(?:itude)?',
  'lo?ng?(?:itude)?',
  'geo',
  'gps',
  'coord(?:inate)?s?',
  'location',
  'position',
  'latlng',
  'near',
  'map',
)
const DECIMALS_MIN = 4

/** Two fractions of degrees. Few decimals are a place only where words say so. */
export function findPlaces(text: string, add: Add, hint: string): void {
  for (const match of matchesIn(text, PAIR)) {
    const [pair, latitude = '', longitude = ''] = match
    if (Math.abs(Number(latitude)) > 90 || Math.abs(Number(longitude)) > 180) continue
    const span = { start: match.index, end: match.index + pair.length }
    const isExact = [latitude, longitude].every((degrees) => degrees.length - degrees.indexOf('.') - 1 >= DECIMALS_MIN)
    const isTold = isNear(text, span, PLACE_WORDS, hint) || /@$|geo:$/.test(text.slice(0, match.index))
    if ((isExact && /[,;]/.test(pair)) || isTold) add({ kind: 'geo', rule: 'coordinates', ...span, confidence: isTold ? 0.92 : 0.75 })
  }
  for (const [pattern, mark] of [
    [DEGREES, '\u00b0'],
    [PLUS_CODE, '+'],
  ] as const) {
    if (!text.includes(mark)) continue
    for (const { 0: found, index } of matchesIn(text, pattern))
      add({ kind: 'geo', rule: 'coordinates', start: index, end: index + found.length, confidence: 0.85 })
  }
}

const MONTHS =
  'jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|m\u00e4r|mai|okt|dez|janv|f\u00e9vr|avr|juin|juil|ao\u00fbt|d\u00e9c|ene|abr|ago|dic'
const DATE = new RegExp(
  `(?<![\\d\\p{L}])(?:\\d{4}[.\\-/]\\d{1,2}[.\\-/]\\d{1,2}|\\d{1,2}[.\\-/ ]\\d{1,2}[.\\-/ ](?:\\d{4}|\\d{2})|\\d{1,2}(?:st|nd|rd|th)? (?:${MONTHS})\\p{L}{0,7},? \\d{4}|(?:${MONTHS})\\p{L}{0,7}\\.? \\d{1,2}(?:st|nd|rd|th)?,? \\d{4}|\\d{8})(?![\\d\\p{L}])`,
  'giu',
)
const BIRTH =
  /(?<![a-z])(?:dob|d\.o\.b|born|birth(?:date|day)?|date of birth|geb(?:oren|urtsdatum|\.)|geburtstag|naissance|n\u00e9e? le|nacimiento|nacid[oa]|nascita|nat[oa] il|nascimento|f\u00f8dt|f\u00f6dd|urodz\w*)(?![a-z])|\u091c\u0928\u094d\u092e|\u51fa\u751f|\u751f\u65e5|\u0440\u043e\u0436\u0434/i

const BIRTH_WORDS = markOf('dob|d\\.o\\.b|born|birth\\w*|geb\\w*|naissance|nacimiento|nacid[oa]|nascita|nat[oa]|nascimento|urodz\\w*')

/** A date is one of birth where the words say so. */
export function findBirthDates(text: string, { marks }: Features, add: Add, hint: string): void {
  if ((marks & BIRTH_WORDS) === 0 && hint === '') return
  if ((hint === '' || !BIRTH.test(hint)) && !BIRTH.test(text)) return
  for (const { 0: date, index } of matchesIn(text, DATE)) {
    const span = { start: index, end: index + date.length }
    if (!isNear(text, span, BIRTH, hint) || (/^\d{8}$/.test(date) && !isPackedDate(date))) continue
    add({ kind: 'date_of_birth', rule: 'date_of_birth', ...span, confidence: 0.9 })
  }
}

function isPackedDate(text: string): boolean {
  const at = (from: number, length: number): number => Number(text.slice(from, from + length))
  return isDay(at(0, 4), at(4, 2), at(6, 2)) || isDay(at(4, 4), at(2, 2), at(0, 2)) || isDay(at(4, 4), at(0, 2), at(2, 2))
}

const IMEI = /(?<![\w.-])\d{2}[ -]?\d{6}[ -]?\d{6}[ -]?\d(?![\w.-])/g
const IMEI_WORDS = words('imei', 'meid', 'handset', 'device')
const DEVICE_UUID = /(?<![\w-])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![\w-])/gi
const DEVICE_WORDS = words(
  'idf[av]',
  'gaid',
  'aaid',
  'adid',
  'advertising[ _-]?id(?:entifier)?',
  'device[ _-]?(?:id|uuid|identifier)',
  'udid',
  'android[ _-]?id',
)

const DEVICE_MARKS = markOf(IMEI_WORDS, DEVICE_WORDS)
const DEVICE_MARK = /imei|meid|handset|device|idf[av]|[gad]aid|advertising|udid|android|adid/i

/** UUIDs are anything; those that words call a device's are one. */
export function findDevices(text: string, { marks }: Features, add: Add, hint: string): void {
  if ((marks & DEVICE_MARKS) === 0 && hint === '') return
  if ((hint === '' || !DEVICE_MARK.test(hint)) && !DEVICE_MARK.test(text)) return
  for (const { 0: imei, index } of matchesIn(text, IMEI)) {
    const span = { start: index, end: index + imei.length }
    if (isLuhn(imei.replaceAll(/\D/g, '')) && isNear(text, span, IMEI_WORDS, hint))
      add({ kind: 'device_id', rule: 'imei', ...span, confidence: 0.9 })
  }
  for (const { 0: uuid, index } of matchesIn(text, DEVICE_UUID)) {
    const span = { start: index, end: index + uuid.length }
    if (isNear(text, span, DEVICE_WORDS, hint)) add({ kind: 'device_id', rule: 'advertising_id', ...span, confidence: 0.9 })
  }
}
