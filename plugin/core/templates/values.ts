/**
 * One value for one slot: put into the form that Meta takes, or the reason why it cannot be. Line breaks, tabs and long
 * runs of spaces, which Meta refuses inside values (132018), become one space; the preview shows the same.
 */
import { RULES } from '../rules.ts'
import type {
  FillRules,
  FlowValue,
  LocationValue,
  MediaValue,
  ProblemCode,
  ProductsValue,
  ProductValue,
  Slot,
  SlotValue
} from './model.ts'

export type Checked = { value: SlotValue | null } | { problem: ProblemCode; facts?: Record<string, string | number> }

/** `value: null` means: left out, and that is allowed. `url` is the button's address, for its suffix. */
export function checkValue(slot: Slot, given: unknown, rules: FillRules, url?: string): Checked {
  if (given === undefined || given === null) return absent(slot)
  switch (slot.kind) {
    case 'text':
    case 'payload':
    case 'thumbnail':
    case 'coupon':
    case 'code':
    case 'url_suffix':
    case 'moment':
      return typeof given === 'string' ? checkText(slot, given, rules, url) : { problem: 'wrong_shape' }
    case 'image':
    case 'video':
    case 'document':
      return isRecord(given) ? checkMedia(slot, given) : { problem: 'wrong_shape' }
    case 'location':
      return isRecord(given) ? checkLocation(slot, given) : { problem: 'wrong_shape' }
    case 'flow':
      return isRecord(given) ? checkFlow(given) : { problem: 'wrong_shape' }
    case 'products':
      return isRecord(given) ? checkProducts(given) : { problem: 'wrong_shape' }
    case 'product':
      return isRecord(given) ? checkProduct(slot, given) : { problem: 'wrong_shape' }
  }
}

/** As it may leave: one line, no long gaps, nothing that cannot be encoded. */
export function tidyText(text: string): string {
  return text
    .replace(/\s*[\n\r\t\v\f\u0085\u2028\u2029]+\s*/g, ' ')
    .replace(/[\u0000-\u001f\u007f]/g, '')
    .replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd')
    .replace(SPACES, ' ')
    .trim()
}

const SPACES = new RegExp(` {${RULES.templateLimits.value.spaces},}`, 'g')

function absent(slot: Slot): Checked {
  return slot.required ? { problem: 'missing' } : { value: null }
}

function checkText(slot: Slot, given: string, rules: FillRules, url: string | undefined): Checked {
  const value = tidyText(given)
  if (value === '') return absent(slot)
  if (value.includes('{{')) return { problem: 'placeholder' }
  const length = [...value].length
  if (slot.maxLength !== null && length > slot.maxLength) {
    return { problem: 'too_long', facts: { limit: slot.maxLength, length } }
  }
  if (slot.kind === 'coupon' && /\s/.test(value)) return { problem: 'coupon_shape' }
  if (slot.kind === 'code' && !/^[\x21-\x7e]+$/.test(value)) return { problem: 'code_shape' }
  if (slot.kind === 'moment') return checkMoment(value, rules)
  if (slot.kind === 'url_suffix') return checkSuffix(value, url ?? '')
  return { value }
}

/** Only the end of the address is asked for; people paste the whole one. */
function checkSuffix(given: string, url: string): Checked {
  const prefix = url.slice(0, Math.max(0, url.indexOf('{{')))
  const whole = prefix !== '' && given.startsWith(prefix)
  const value = (whole ? given.slice(prefix.length) : given).replaceAll(' ', '%20')
  if (value === '') return { problem: 'missing' }
  if (!whole && prefix.endsWith('/') && /^https?:\/\//i.test(value)) return { problem: 'url_shape', facts: { prefix } }
  const length = prefix.length + value.length
  const limit = RULES.templateLimits.value.url
  return length > limit ? { problem: 'url_too_long', facts: { limit, length } } : { value }
}

/** With a zone, or the same words would end at another moment on another server. */
function checkMoment(value: string, rules: FillRules): Checked {
  const at = /T.*(?:Z|[+-]\d{2}:?\d{2})$/i.test(value) ? Date.parse(value) : Number.NaN
  if (Number.isNaN(at)) return { problem: 'moment_unreadable' }
  if (at <= rules.now.getTime()) return { problem: 'moment_past' }
  return { value: new Date(at).toISOString() }
}

/** The name under which a document is shown: nobody chose it for this message, so braces in it are dropped, not refused. */
export function tidyFileName(name: string): string {
  return tidyText(name)
    .replace(/\{{2,}/g, '{')
    .replace(/\}{2,}/g, '}')
}

function checkMedia(slot: Slot, given: Record<string, unknown>): Checked {
  const { mediaId, link, filename } = given
  const shown = slot.kind === 'document' && typeof filename === 'string' ? tidyFileName(filename) : ''
  const name = shown === '' ? {} : { filename: shown }
  if (typeof mediaId === 'string' && /^[\w.:-]+$/.test(mediaId)) return { value: { mediaId, ...name } }
  if (link === '' || (link === undefined && mediaId === undefined)) return absent(slot)
  if (typeof link !== 'string') return { problem: 'wrong_shape' }
  const address = link.trim()
  if (address.includes('{{')) return { problem: 'placeholder' }
  if (!/^https?:\/\/[^\s]+$/i.test(address) || !URL.canParse(address)) return { problem: 'media_address' }
  return { value: { link: address, ...name } satisfies MediaValue }
}

function checkLocation(slot: Slot, given: Record<string, unknown>): Checked {
  const { latitude, longitude } = given
  const name = tidyOf(given['name'])
  const address = tidyOf(given['address'])
  if (typeof latitude !== 'number' || typeof longitude !== 'number') return { problem: 'wrong_shape' }
  if (!(Math.abs(latitude) <= 90) || !(Math.abs(longitude) <= 180)) return { problem: 'location_range' }
  if (name === '' || address === '') return absent(slot)
  if (`${name}\n${address}`.includes('{{')) return { problem: 'placeholder' }
  return { value: { latitude, longitude, name, address } satisfies LocationValue }
}

function checkFlow(given: Record<string, unknown>): Checked {
  const { token, data } = given
  if (token !== undefined && typeof token !== 'string') return { problem: 'wrong_shape' }
  if (data !== undefined && !isRecord(data)) return { problem: 'wrong_shape' }
  const written = JSON.stringify(given)
  if (written.includes('{{')) return { problem: 'placeholder' }
  const value: FlowValue = {
    ...(token === undefined || token === '' ? {} : { token }),
    ...(data === undefined ? {} : { data })
  }
  return { value }
}

function checkProducts(given: Record<string, unknown>): Checked {
  const { sections: sectionLimit, products: productLimit } = RULES.templateLimits.value
  const thumbnailProductId = tidyOf(given['thumbnailProductId'])
  if (!Array.isArray(given['sections'])) return { problem: 'wrong_shape' }
  const sections = given['sections'].map(section => ({
    title: tidyOf(isRecord(section) ? section['title'] : ''),
    productIds: isRecord(section) && Array.isArray(section['productIds']) ? section['productIds'].map(tidyOf) : []
  }))
  const ids = sections.flatMap(section => section.productIds)
  const hollow = sections.some(section => section.title === '' || section.productIds.length === 0)
  if (thumbnailProductId === '' || sections.length === 0 || hollow || ids.includes('')) {
    return { problem: 'products_empty' }
  }
  if (sections.length > sectionLimit || ids.length > productLimit) {
    return { problem: 'products_too_many', facts: { limit: productLimit, sections: sectionLimit } }
  }
  const title = RULES.listRows.value.titleLimit
  const long = sections.find(section => [...section.title].length > title)
  if (long !== undefined) return { problem: 'too_long', facts: { limit: title, length: [...long.title].length } }
  if (JSON.stringify(sections).includes('{{') || thumbnailProductId.includes('{{')) return { problem: 'placeholder' }
  return { value: { thumbnailProductId, sections } satisfies ProductsValue }
}

function checkProduct(slot: Slot, given: Record<string, unknown>): Checked {
  const productId = tidyOf(given['productId'])
  const catalogId = tidyOf(given['catalogId'])
  if (productId === '' || catalogId === '') return absent(slot)
  if (`${productId}\n${catalogId}`.includes('{{')) return { problem: 'placeholder' }
  return { value: { productId, catalogId } satisfies ProductValue }
}

function tidyOf(value: unknown): string {
  return typeof value === 'string' ? tidyText(value) : ''
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
