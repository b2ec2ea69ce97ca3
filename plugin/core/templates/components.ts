/** A filled template as `template.components` of a send (contract §5). Expects values that were checked. */

import type {
  CleanValues,
  FlowValue,
  LocationValue,
  MediaFormat,
  MediaValue,
  ProductsValue,
  ProductValue,
  SendComponent,
  SendParameter,
  Template,
  TemplateButton,
  TemplateCard,
  TemplateHeader
} from './model.ts'
import { slotKeys } from './slot-text.ts'

/** Meta's own default. */
const FLOW_TOKEN = 'unused'

export function toComponents(template: Template, clean: CleanValues): SendComponent[] {
  if (template.category === 'AUTHENTICATION') return authenticationComponents(template, clean)
  const [header, body, ...buttons] = cardComponents(template, '', template.named, clean)
  const components = [header, body]
  const endsAt = clean.get('offer')
  if (typeof endsAt === 'string') {
    const offer = { expiration_time_ms: Date.parse(endsAt) }
    components.push({
      type: 'limited_time_offer',
      parameters: [{ type: 'limited_time_offer', limited_time_offer: offer }]
    })
  }
  components.push(...buttons)
  if (template.cards.length > 0) {
    components.push({
      type: 'carousel',
      cards: template.cards.map((card, index) => ({
        card_index: index,
        components: present(cardComponents(card, `card.${index}.`, template.named, clean))
      }))
    })
  }
  return present(components)
}

function present(components: (SendComponent | null | undefined)[]): SendComponent[] {
  return components.filter(component => component !== null && component !== undefined)
}

/** Header, body, then buttons; null where nothing is to be filled. */
function cardComponents(
  parts: TemplateCard,
  prefix: string,
  named: boolean,
  clean: CleanValues
): (SendComponent | null)[] {
  const buttons = parts.buttons.map((button, index) =>
    buttonComponent(button, index, clean.get(`${prefix}button.${index}`))
  )
  return [
    headerComponent(parts.header, prefix, named, clean),
    parts.body === null ? null : textComponent('body', parts.body.text, `${prefix}body.`, named, clean),
    ...buttons
  ]
}

function textComponent(
  type: 'header' | 'body',
  text: string,
  prefix: string,
  named: boolean,
  clean: CleanValues
): SendComponent | null {
  const parameters = slotKeys(text).map(
    (key): SendParameter => ({
      type: 'text',
      ...(named ? { parameter_name: key } : {}),
      text: clean.get(`${prefix}${key}`) as string
    })
  )
  return parameters.length === 0 ? null : { type, parameters }
}

function headerComponent(
  header: TemplateHeader | null,
  prefix: string,
  named: boolean,
  clean: CleanValues
): SendComponent | null {
  if (header === null) return null
  if (header.kind === 'text') return textComponent('header', header.text, `${prefix}header.`, named, clean)
  const value = clean.get(`${prefix}header`)
  if (header.kind === 'location') {
    const { latitude, longitude, name, address } = value as LocationValue
    const location = { latitude: String(latitude), longitude: String(longitude), name, address }
    return { type: 'header', parameters: [{ type: 'location', location }] }
  }
  if (header.kind === 'product') {
    const { productId, catalogId } = value as ProductValue
    const product = { product_retailer_id: productId, catalog_id: catalogId }
    return { type: 'header', parameters: [{ type: 'product', product }] }
  }
  return { type: 'header', parameters: [mediaParameter(header.kind, value as MediaValue)] }
}

function mediaParameter(format: MediaFormat, value: MediaValue): SendParameter {
  const source = 'mediaId' in value ? { id: value.mediaId } : { link: value.link }
  const filename = format === 'document' && value.filename !== undefined ? { filename: value.filename } : {}
  return { type: format, [format]: { ...source, ...filename } }
}

function buttonComponent(button: TemplateButton, index: number, value: unknown): SendComponent | null {
  const component = (sub_type: string, parameter: SendParameter): SendComponent => ({
    type: 'button',
    sub_type,
    index: String(index),
    parameters: [parameter]
  })
  switch (button.kind) {
    case 'quick_reply':
      return value === undefined ? null : component('quick_reply', { type: 'payload', payload: value })
    case 'url':
      return value === undefined ? null : component('url', { type: 'text', text: value })
    case 'copy_code':
      return component('copy_code', { type: 'coupon_code', coupon_code: value })
    case 'flow': {
      const { token, data } = (value ?? {}) as FlowValue
      const action = { flow_token: token ?? FLOW_TOKEN, ...(data === undefined ? {} : { flow_action_data: data }) }
      return component('flow', { type: 'action', action })
    }
    case 'catalog': {
      const action = { thumbnail_product_retailer_id: value }
      return value === undefined ? null : component('catalog', { type: 'action', action })
    }
    case 'products': {
      const { thumbnailProductId, sections } = value as ProductsValue
      const action = {
        thumbnail_product_retailer_id: thumbnailProductId,
        sections: sections.map(({ title, productIds }) => ({
          title,
          product_items: productIds.map(id => ({ product_retailer_id: id }))
        }))
      }
      return component('mpm', { type: 'action', action })
    }
    default:
      return null
  }
}

/** The code stands in the body and in the button, which Meta calls a URL button whatever it does. */
function authenticationComponents(template: Template, clean: CleanValues): SendComponent[] {
  const text = clean.get('code') as string
  const index = template.buttons.findIndex(button => button.kind === 'otp')
  return [
    { type: 'body', parameters: [{ type: 'text', text }] },
    ...(index === -1
      ? []
      : [
          {
            type: 'button' as const,
            sub_type: 'url',
            index: String(index),
            parameters: [{ type: 'text', text }]
          }
        ])
  ]
}
