/**
 * Codes of ISO 3166 under which people of the European Union live.
 * https://european-union.europa.eu/principles-countries-history/eu-countries_en: 27 states since 2020; and the parts of
 * Finland and France that have codes of their own and in which its law holds (TFEU Article 355(1) and (4)):
 * Åland, Guadeloupe, French Guiana, Martinique, Saint Martin, Réunion, Mayotte.
 */
export const EU_COUNTRIES: readonly string[] =
  'AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE AX GP GF MQ MF RE YT'.split(' ')
