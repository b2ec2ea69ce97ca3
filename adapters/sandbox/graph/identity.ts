/**
 * Everything that is derived from the instance id: Meta's ids, tokens, and the default cast of customers.
 * Another instance is another number. Country rules for wa_id: contract §5 (Brazil's ninth digit, Mexico's 1).
 */
import { createHash, createHmac } from 'node:crypto'
import type { Customer, GraphNumber } from './model.ts'

export interface GraphIdentity {
  wabaId: string
  wabaName: string
  businessId: string
  appId: string
  appName: string
  appSecret: string
  verifyToken: string
  token: string
  systemUserId: string
  catalogId: string
  flowId: string
  groupId: string
}

function digest(instance: string, label: string): Buffer {
  return createHash('sha256').update(`${instance}:${label}`).digest()
}

/** `count` decimal digits that depend on the instance and the label only. */
export function deriveDigits(instance: string, label: string, count: number): string {
  const digits = BigInt(`0x${digest(instance, label).toString('hex')}`).toString()
  return digits.slice(-count).padStart(count, '7')
}

export function deriveIdentity(instance: string): GraphIdentity {
  const wabaId = `2${deriveDigits(instance, 'waba', 14)}`
  const appId = `5${deriveDigits(instance, 'app', 14)}`
  return {
    wabaId,
    wabaName: 'Sandbox account',
    businessId: `4${deriveDigits(instance, 'business', 14)}`,
    appId,
    appName: 'Puente sandbox',
    appSecret: digest(instance, 'app-secret').toString('hex').slice(0, 32),
    verifyToken: `verify-${digest(instance, 'verify').toString('hex').slice(0, 20)}`,
    token: `EAAsandbox${digest(instance, 'token').toString('hex')}`,
    systemUserId: `9${deriveDigits(instance, 'system-user', 14)}`,
    catalogId: `7${deriveDigits(instance, 'catalog', 14)}`,
    flowId: `94${deriveDigits(instance, 'flow', 13)}`,
    groupId: Buffer.from(`capi_group:${deriveDigits(instance, 'group', 24)}`)
      .toString('base64')
      .replace(/=+$/, '')
  }
}

export function deriveNumber(instance: string, index: number): GraphNumber {
  // 555-01xx is reserved for fiction; the area code varies with the instance, so that numbers do not meet.
  const area = String(200 + (digest(instance, `area-${index}`).readUInt16BE(0) % 700))
  const line = String(100 + (digest(instance, `line-${index}`).readUInt16BE(0) % 100))
  return {
    phoneNumberId: `3${deriveDigits(instance, `number-${index}`, 14)}`,
    displayDigits: `1${area}5550${line}`,
    displayPhoneNumber: `+1 ${area}-555-0${line}`,
    verifiedName: index === 0 ? 'Sandbox Shop' : `Sandbox Shop ${index + 1}`,
    registered: true,
    pin: null,
    overrideUri: null,
    overrideVerifyToken: null,
    profile: {
      about: 'A shop that sells examples',
      address: '1 Example Street',
      description: 'We sell examples.',
      email: 'hello@example.org',
      websites: ['https://example.org/'],
      vertical: 'RETAIL'
    }
  }
}

const LETTERS = '0123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** A business-scoped user id: country code, dot, twenty alphanumerics; scoped to the instance's portfolio. */
export function deriveUserId(instance: string, country: string, seed: string): string {
  const bytes = digest(instance, `user-${seed}`)
  let id = ''
  for (let i = 0; i < 20; i++) id += LETTERS[bytes[i]! % LETTERS.length]
  return `${country}.${id}`
}

/** The wa_id that WhatsApp makes of a phone number written in any usual way. */
export function toWaId(phone: string): string {
  const digits = phone.replace(/\D/g, '')
  // Brazil: area codes from 31 on have no ninth digit in the wa_id, the older ones (11–28) keep it.
  const brazil = /^55(\d{2})(9?)(\d{8})$/.exec(digits)
  if (brazil) {
    const [, area, nine, rest] = brazil as unknown as [string, string, string, string]
    if (Number(area) >= 31) return `55${area}${rest}`
    return nine || /^[6-9]/.test(rest) ? `55${area}9${rest}` : digits
  }
  if (/^52\d{10}$/.test(digits)) return `521${digits.slice(2)}`
  if (/^54\d{10}$/.test(digits)) return `549${digits.slice(2)}`
  return digits
}

const COUNTRY_BY_PREFIX: [string, string][] = [
  ['34', 'ES'],
  ['55', 'BR'],
  ['52', 'MX'],
  ['54', 'AR'],
  ['57', 'CO'],
  ['56', 'CL'],
  ['51', 'PE'],
  ['44', 'GB'],
  ['49', 'DE'],
  ['33', 'FR'],
  ['1', 'US']
]

export function countryOf(digits: string): string {
  return COUNTRY_BY_PREFIX.find(([prefix]) => digits.startsWith(prefix))?.[1] ?? 'US'
}

export function makeCustomer(instance: string, seed: string, given: Partial<Customer>): Customer {
  const phoneDigits = given.phoneDigits ?? null
  const waId = given.waId !== undefined ? given.waId : phoneDigits === null ? null : toWaId(phoneDigits)
  const country = waId ? countryOf(waId) : 'US'
  return {
    id: given.id ?? seed,
    name: given.name ?? `Customer ${seed.slice(-4)}`,
    username: given.username ?? null,
    waId,
    phoneDigits: phoneDigits ?? waId,
    userId: given.userId ?? deriveUserId(instance, country, seed),
    identityHash: createHmac('sha256', instance).update(seed).digest('base64').slice(0, 12),
    language: given.language ?? 'en',
    receipts: given.receipts ?? 'on',
    phone: given.phone ?? 'on',
    optedOut: false,
    blocked: false
  }
}

/** The cast: one of each kind that a bridge must tell apart. */
export function defaultCustomers(instance: string): Customer[] {
  const cast: Partial<Customer>[] = [
    { id: 'lucia', name: 'Lucía Ferrer', phoneDigits: '34611000101', language: 'es' },
    { id: 'joao', name: 'João Ribeiro', phoneDigits: '5531980000102', language: 'pt_BR' },
    { id: 'ximena', name: 'Ximena Torres', phoneDigits: '525580000103', language: 'es' },
    { id: 'martin', name: 'Martín Sosa', phoneDigits: '541180000104', language: 'es' },
    { id: 'mara', name: 'Mara Ibsen', username: 'mara.ibsen', waId: null, language: 'en' },
    { id: 'emma', name: 'Emma Clarke', phoneDigits: '447700900106', language: 'en_GB' },
    { id: 'noor', name: 'Noor Haddad', phoneDigits: '4915550000107', language: 'de', receipts: 'off' }
  ]
  return cast.map(given => makeCustomer(instance, given.id!, given))
}
