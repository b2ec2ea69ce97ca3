/**
 * Orders and product enquiries: lines with quantity, price and sum, and a total for each currency. Money is reckoned in
 * whole numbers of the smallest digit that occurs, so that nothing is rounded.
 */
import type { InboundContent } from '../model.ts'
import { formatDecimal, formatList, formatMoney } from '../texts/format.ts'
import { text } from '../texts/text.ts'
import type { RenderContext, Rendered } from './render-context.ts'
import { renderTyped } from './render-media.ts'
import { hasVisible, inline, table } from './render-words.ts'

type Order = InboundContent & { kind: 'order' }

/** More lines than anybody reads; the total counts all. */
const LINES_SHOWN = 100

/** An exact decimal: `digits` / 10^`scale`. */
export interface Decimal {
  digits: bigint
  scale: number
}

/** The decimal that JSON spelled, from the shortest spelling of the number (`7.99`, `1e-7`). */
export function readDecimal(value: number): Decimal {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value))
  if (!match) return { digits: 0n, scale: 0 }
  const [, sign, whole = '0', fraction = '', exponent = '0'] = match
  const scale = fraction.length - Number(exponent)
  const digits = BigInt(sign + whole + fraction)
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 }
}

export function multiplyDecimals(a: Decimal, b: Decimal): Decimal {
  return { digits: a.digits * b.digits, scale: a.scale + b.scale }
}

export function addDecimals(a: Decimal, b: Decimal): Decimal {
  const scale = Math.max(a.scale, b.scale)
  const lift = (x: Decimal) => x.digits * 10n ** BigInt(scale - x.scale)
  return { digits: lift(a) + lift(b), scale }
}

/** `67.99`: no exponent, no trailing zeros behind the point. */
export function writeDecimal({ digits, scale }: Decimal): string {
  const sign = digits < 0n ? '-' : ''
  const text = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0')
  const whole = text.slice(0, text.length - scale)
  const fraction = text.slice(text.length - scale).replace(/0+$/, '')
  return sign + whole + (fraction === '' || scale === 0 ? '' : '.' + fraction)
}

export function renderOrder(order: Order, { locale }: RenderContext): Rendered {
  const parts = [`🛒 **${text(locale, 'render.order')}**`, ...renderTyped(order.text)]
  const totals = new Map<string, Decimal>()
  const rows: string[][] = []
  for (const line of order.lines) {
    const quantity = readDecimal(line.quantity)
    const price = readDecimal(line.price)
    const sum = multiplyDecimals(quantity, price)
    const currency = line.currency.trim().toUpperCase()
    totals.set(currency, addDecimals(totals.get(currency) ?? { digits: 0n, scale: 0 }, sum))
    if (rows.length === LINES_SHOWN) continue
    const money = (amount: Decimal) => formatMoney(locale, writeDecimal(amount), currency)
    rows.push([line.productId, formatDecimal(locale, writeDecimal(quantity)), money(price), money(sum)])
  }
  if (rows.length === 0) parts.push(text(locale, 'render.order.empty'))
  else {
    const head = (['product', 'quantity', 'price', 'sum'] as const).map(key => text(locale, `render.order.${key}`))
    parts.push(table(head, rows, 'lrrr'))
    const more = order.lines.length - rows.length
    if (more > 0) parts.push(text(locale, 'render.order.more', { count: more }))
    const sums = [...totals].map(([currency, sum]) => inline(formatMoney(locale, writeDecimal(sum), currency)))
    parts.push(`**${text(locale, 'render.order.total', { total: formatList(locale, sums) })}**`)
  }
  if (hasVisible(order.catalogId)) parts.push(text(locale, 'render.catalogue', { id: inline(order.catalogId) }))
  return { blocks: parts, files: [], marker: { lines: order.lines.length } }
}

/** The line under a message that asks about a product of the catalogue. */
export function renderProductEnquiry(
  product: { catalogId?: string; productId?: string },
  { locale }: RenderContext
): string {
  const rows = [
    hasVisible(product.productId)
      ? `🛍️ ${text(locale, 'render.product_enquiry', { product: inline(product.productId) })}`
      : `🛍️ ${text(locale, 'render.product_enquiry_unnamed')}`
  ]
  if (hasVisible(product.catalogId)) rows.push(text(locale, 'render.catalogue', { id: inline(product.catalogId) }))
  return rows.join('\n')
}
