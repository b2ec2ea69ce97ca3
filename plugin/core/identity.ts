/**
 * Who is this: folds every name under which a WhatsApp user is seen (user id, wa_id, phone spellings) into canonical
 * alias keys, so that one person is found under all of them. Deliberately without storage, and without any judgement
 * whether a number is valid: what Meta gives as wa_id is kept as given (libphonenumber calls Mexico's invalid).
 */
import type { CustomerIds } from './model.ts'

export interface PhoneRule {
  country: 'BR' | 'AR' | 'MX'
  /** Spelling without the extra digit. */
  short: RegExp
  /** Spelling with the extra digit. */
  long: RegExp
  toLong: string
  toShort: string
  /** Which spelling is the key that all others fold into. */
  canonical: 'long' | 'short'
  asOf: string
  source: string
}

/**
 * Countries in which one line has two spellings. Data with date and source (law 9): WhatsApp may change any of them.
 * Brazil folds mobile lines only: a landline (first digit 2 to 5) never had a ninth digit, and folding it would make
 * two people one.
 */
export const PHONE_RULES: readonly PhoneRule[] = [
  {
    country: 'BR',
    short: /^55([1-9][1-9])([6-9]\d{7})$/,
    long: /^55([1-9][1-9])9([6-9]\d{7})$/,
    toLong: '55$19$2',
    toShort: '55$1$2',
    canonical: 'long',
    asOf: '2026-02-24',
    source:
      'Anatel put a 9 before mobile numbers (2012 to 2016); wa_ids of older accounts lack it ' +
      '(github.com/openclaw/openclaw/pull/25819; landlines: github.com/devlikeapro/waha/issues/1974)'
  },
  {
    country: 'AR',
    short: /^54([1-3]\d{9})$/,
    long: /^549([1-3]\d{9})$/,
    toLong: '549$1',
    toShort: '54$1',
    canonical: 'long',
    asOf: '2025-03-10',
    source: 'A 9 after 54 marks mobile lines abroad; wa_ids carry it, address books often do not (chatwoot#11053)'
  },
  {
    country: 'MX',
    short: /^52([2-9]\d{9})$/,
    long: /^521([2-9]\d{9})$/,
    toLong: '521$1',
    toShort: '52$1',
    canonical: 'short',
    asOf: '2026-05-06',
    source: 'The 1 after 52 was abolished in August 2019; older wa_ids keep it (chatwoot#14174, chatwoot#14277)'
  }
]

/** Digits of a phone in any spelling (`+55 (11) 9…`, `5511…`, `0055…`); empty when it has none. */
export function phoneDigits(phone: string): string {
  const digits = phone.replace(/\D/g, '')
  return digits.startsWith('00') ? digits.slice(2) : digits
}

/** The one spelling that stands for a line, digits only. Unknown countries and odd lengths come back unchanged. */
export function canonicalPhone(phone: string): string {
  const digits = phoneDigits(phone)
  for (const rule of PHONE_RULES) {
    const [from, to] = rule.canonical === 'long' ? [rule.short, rule.toLong] : [rule.long, rule.toShort]
    if (from.test(digits)) return digits.replace(from, to)
  }
  return digits
}

/** Every spelling of a line as E.164 with `+`, canonical first: the values for one contact filter. */
export function variantsOf(phone: string): string[] {
  const canonical = canonicalPhone(phone)
  if (canonical === '') return []
  const spellings = new Set([canonical, phoneDigits(phone)])
  for (const rule of PHONE_RULES) {
    if (rule.long.test(canonical)) spellings.add(canonical.replace(rule.long, rule.toShort))
    if (rule.short.test(canonical)) spellings.add(canonical.replace(rule.short, rule.toLong))
  }
  return [...spellings].map(digits => '+' + digits)
}

/** True when the desk may know this line under another spelling, so that a contact must be looked for before creating. */
export function needsVariantLookup(waId: string | undefined): boolean {
  return waId !== undefined && variantsOf(waId).length > 1
}

/**
 * Canonical alias keys, strongest first: `u:` user id, `p:` parent user id, `w:` phone. User names are left out on
 * purpose: they change hands. Empty when the event names nobody.
 */
export function aliasesOf(ids: CustomerIds): string[] {
  const aliases: string[] = []
  if (ids.userId) aliases.push('u:' + ids.userId)
  if (ids.parentUserId) aliases.push('p:' + ids.parentUserId)
  const phone = ids.waId ? canonicalPhone(ids.waId) : ''
  if (phone !== '') aliases.push('w:' + phone)
  return aliases
}

/** True when two sets of ids share an alias. */
export function isSameCustomer(a: CustomerIds, b: CustomerIds): boolean {
  const known = new Set(aliasesOf(a))
  return aliasesOf(b).some(alias => known.has(alias))
}

/** The contact's `identifier` in the desk: `wa:` and the user id, or else the wa_id as Meta gave it. */
export function identifierFor(ids: CustomerIds): string | undefined {
  const id = ids.userId || ids.waId || ids.parentUserId
  return id ? 'wa:' + id : undefined
}

/** The `identifier` of the contact that stands for a group. */
export function groupIdentifier(groupId: string): string {
  return 'wa:group:' + groupId
}

/**
 * The key of a customer's lane before the alias table has had its say: the strongest alias, or the group's own key
 * (a group is one conversation, whoever writes). Undefined when nobody is named.
 */
export function laneCustomerKey(ids: CustomerIds, groupId?: string): string | undefined {
  return groupId ? 'g:' + groupId : aliasesOf(ids)[0]
}

const NAME_LIMIT = 120

/**
 * A name for the contact: profile name, `@username`, `+phone`, or `WhatsApp` with the end of the user id. Control and
 * text-direction characters are dropped, so that a name cannot turn the rest of a line around.
 */
export function displayName(ids: CustomerIds): string {
  const name = tidyName(ids.name ?? '')
  if (name !== '') return name
  const username = tidyName(ids.username ?? '').replace(/^@+/, '')
  if (username !== '') return '@' + username
  const phone = ids.waId ? phoneDigits(ids.waId) : ''
  if (phone !== '') return '+' + phone
  const id = ids.userId ?? ids.parentUserId ?? ''
  return id === '' ? 'WhatsApp' : `WhatsApp ${id.slice(-6)}`
}

function tidyName(name: string): string {
  const visible = name
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ')
    .replace(/[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c\ufeff\p{Cs}]/gu, '')
    .trim()
  // The fillers are letters to Unicode and nothing to the eye; some people use them as a "blank" name.
  if (!/[^\s\p{Cf}\p{M}\u115f\u1160\u2800\u3164\uffa0]/u.test(visible)) return ''
  return [...visible].slice(0, NAME_LIMIT).join('').trim()
}
