import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCalledSecret, keyWords, mayName } from './property-keys.ts'

test('keys of properties are read as the words that they are made of', () => {
  const cases: [key: string, words: string[]][] = [
    ['contactEmail2', ['contact', 'email2', 'contact', 'email']],
    ['contact-email', ['contact', 'email', 'contact', 'email']],
    ['Full Name', ['full', 'name', 'full', 'name']],
    ['ईमेल', ['ईमेल', 'ईमेल']],
    ['$', []],
  ]
  for (const [key, words] of cases) assert.deepEqual(keyWords(`property.${key}`), words, key)
})

test('what may name somebody and what may be a secret is told by its words, and not by a part of one', () => {
  const of = (keys: string, question: (words: string[]) => boolean) =>
    keys.split(' ').filter((key) => question(keyWords(`property.${key}`)))
  const naming =
    'contact_email E-Mail mail1 userPhone full_name name displayName customer_name surname mobile mobileNo street_address address username'
  assert.deepEqual(of(naming, mayName), naming.split(' '))
  assert.deepEqual(
    of('plan_name is_mobile ip_address file-name feature mailing_list_size2 last_seen first_visit login_method', mayName),
    [],
  )
  const secrets = 'password userPassword api_key stripeApiKey apikey reset-token refreshToken token pin user_pin OTP client_secret key cvv'
  assert.deepEqual(of(secrets, isCalledSecret), secrets.split(' '))
  assert.deepEqual(of('tokens_used token_count pin_code keyboard key_features monkey spinner passenger compass', isCalledSecret), [])
})
