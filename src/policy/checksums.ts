/** Check digits of numbers that people carry. Each takes bare digits or letters, without separators. */

/** Luhn, ISO/IEC 7812-1 annex B: payment cards. */
export function isLuhn(digits: string): boolean {
  let sum = 0
  for (let i = digits.length - 1, odd = true; i >= 0; i--, odd = !odd) {
    let digit = digits.charCodeAt(i) - 48
    if (!odd) {
      digit *= 2
      if (digit > 9) digit -= 9
    }
    sum += digit
  }
  return sum % 10 === 0
}

/**
 * Issuer ranges by length: a check digit alone is right for one number in ten. Lengths of 12 and 13 are left out, since
 * clocks and articles have them.
 */
const CARD_SHAPES: readonly RegExp[] = [
  /^4\d{15}(?:\d{3})?$/, // Visa
  /^(?:5[1-5]\d{2}|222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}$/, // Mastercard
  /^3[47]\d{13}$/, // American Express
  /^3(?:0[0-59]|[689]\d)\d{11}$/, // Diners Club
  /^(?:6011|65\d{2}|64[4-9]\d)\d{12}$/, // Discover, RuPay
  /^35(?:2[89]|[3-8]\d)\d{12}$/, // JCB
  /^62\d{14,17}$/, // UnionPay
  /^(?:60|81|82|508)\d{13,14}$/, // RuPay
  /^(?:5018|5020|5038|56\d{2}|57\d{2}|58\d{2}|6304|6759|676[1-3])\d{10,15}$/, // Maestro
]

export function isCardNumber(digits: string): boolean {
  if (digits.length < 14 || digits.length > 19) return false
  return CARD_SHAPES.some((shape) => shape.test(digits)) && isLuhn(digits)
}

const VERHOEFF_PRODUCT = [
  '0123456789',
  '1234067895',
  '2340178956',
  '3401289567',
  '4012395678',
  '5987604321',
  '6598710432',
  '7659821043',
  '8765932104',
  '9876543210',
]
const VERHOEFF_TURN = ['0123456789', '1576283094', '5803796142', '8916043527', '9453126870', '4286573901', '2793806415', '7046913258']

/** Verhoeff, 1969: Aadhaar numbers. */
export function isVerhoeff(digits: string): boolean {
  let check = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 48
    const turned = (VERHOEFF_TURN[i % 8] as string).charCodeAt(digit) - 48
    check = (VERHOEFF_PRODUCT[check] as string).charCodeAt(turned) - 48
  }
  return check === 0
}

/** ISO 13616 with ISO 7064 MOD 97-10. Upper case, no spaces. */
export function isIban(text: string): boolean {
  if (!/^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$/.test(text)) return false
  let rest = 0
  for (const character of text.slice(4) + text.slice(0, 4)) {
    const value = Number.parseInt(character, 36)
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97
  }
  return rest === 1
}
