/** Definitions of templates of every kind: the contract's list, the sandbox's, and the shapes that neither has. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { seedTemplates } from '../../adapters/sandbox/graph/template-seed.ts'
import type { ListedTemplate } from '../../plugin/core/templates/model.ts'

const FIXTURES = join(import.meta.dirname, '../fixtures/whatsapp')

// biome-ignore lint/suspicious/noExplicitAny: JSON of the contract
export function fixture(name: string): any {
  return JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8'))
}

// biome-ignore lint/suspicious/noExplicitAny: raw rows of Graph
export function listed(row: any): ListedTemplate {
  return {
    id: String(row.id ?? '1'),
    name: row.name ?? 'order_confirmation',
    language: row.language ?? 'en_US',
    status: row.status ?? 'APPROVED',
    category: row.category ?? 'MARKETING',
    parameterFormat: row.parameter_format ?? 'POSITIONAL',
    ...(row.rejected_reason === undefined ? {} : { rejectedReason: row.rejected_reason }),
    components: row.components
  }
}

const body = (text: string) => ({ type: 'BODY', text })
const buttons = (...list: object[]) => ({ type: 'BUTTONS', buttons: list })
const image = { type: 'HEADER', format: 'IMAGE' }

/** The template that each `send-template-*.json` of the contract must have been made for. */
export const DEFINITIONS: Record<string, ListedTemplate> = {
  authentication: listed({
    name: 'verification_code',
    category: 'AUTHENTICATION',
    components: [
      body('*{{1}}* is your verification code.'),
      { type: 'FOOTER', code_expiration_minutes: 10 },
      buttons({ type: 'OTP', otp_type: 'ONE_TAP', text: 'Copy code' })
    ]
  }),
  'button-catalog': listed({ components: [body('All of it.'), buttons({ type: 'CATALOG', text: 'View catalog' })] }),
  'button-copy-code': listed({
    components: [
      body('Use {{1}} now.'),
      buttons({ type: 'QUICK_REPLY', text: 'Stop' }, { type: 'COPY_CODE', text: 'Copy', example: '25OFF' })
    ]
  }),
  'button-mpm': listed({ components: [body('Popular.'), buttons({ type: 'MPM', text: 'View items' })] }),
  'buttons-quick-reply-url': listed({
    components: [
      body('Sale.'),
      buttons(
        { type: 'QUICK_REPLY', text: 'Unsubscribe' },
        { type: 'URL', text: 'Shop', url: 'https://example.org/s/{{1}}', example: ['https://example.org/s/x'] }
      )
    ]
  }),
  carousel: listed({
    components: [
      body('Hi {{1}}, two things.'),
      {
        type: 'CAROUSEL',
        cards: [0, 1].map(n => ({
          components: [
            image,
            body(`Product ${n}`),
            buttons(
              { type: 'QUICK_REPLY', text: 'More' },
              { type: 'URL', text: 'Shop', url: 'https://example.org/p/{{1}}' }
            )
          ]
        }))
      }
    ]
  }),
  'header-image': listed({ components: [image, body('Hi {{1}}!')] }),
  'header-location': listed({ components: [{ type: 'HEADER', format: 'LOCATION' }, body('Here.')] }),
  'header-video': listed({ components: [{ type: 'HEADER', format: 'VIDEO' }, body('New.')] }),
  'limited-time-offer': listed({
    components: [
      image,
      { type: 'LIMITED_TIME_OFFER', limited_time_offer: { text: 'Expiring!', has_expiration: true } },
      body('Good news, {{1}}! Use {{2}}.'),
      buttons({ type: 'COPY_CODE', text: 'Copy' }, { type: 'URL', text: 'Book', url: 'https://example.org/o/{{1}}' })
    ]
  }),
  named: listed({ parameter_format: 'NAMED', components: [body('Hi {{first_name}}, use {{discount_code}} today.')] }),
  'no-variables': listed({ name: 'hello_world', components: [body('Hello.')] }),
  positional: listed({ components: [body('Thank you {{1}}, order {{2}} is confirmed.')] })
}

/** Shapes that the contract describes in words only. */
const OTHERS: ListedTemplate[] = [
  listed({ name: 'out_of_order', components: [body('At {{2}}, {{1}} comes; {{2}} sharp, says {{3}}.')] }),
  listed({
    name: 'named_header',
    parameter_format: 'NAMED',
    components: [{ type: 'HEADER', format: 'TEXT', text: 'Order {{order}}' }, body('For {{who}} it is.')]
  }),
  listed({
    name: 'single_product',
    components: [
      { type: 'HEADER', format: 'PRODUCT' },
      body('Have a look, {{1}}.'),
      buttons({ type: 'SPM', text: 'View' })
    ]
  }),
  listed({
    name: 'product_cards',
    components: [
      body('Two products.'),
      {
        type: 'CAROUSEL',
        cards: [1, 2].map(() => ({
          components: [{ type: 'HEADER', format: 'PRODUCT' }, buttons({ type: 'SPM', text: 'View' })]
        }))
      }
    ]
  }),
  listed({
    name: 'card_texts',
    components: [
      body('Hello.'),
      {
        type: 'CAROUSEL',
        cards: [1, 2, 3].map(() => ({
          components: [
            { type: 'HEADER', format: 'VIDEO' },
            body('Only {{1}} until {{2}}.'),
            buttons({ type: 'PHONE_NUMBER', text: 'Call', phone_number: '+15550100200' })
          ]
        }))
      }
    ]
  }),
  listed({ name: 'call_me', components: [body('May we call?'), { type: 'call_permission_request' }] }),
  listed({
    name: 'calls',
    components: [body('Call us.'), buttons({ type: 'VOICE_CALL', text: 'Call now' })]
  }),
  listed({
    name: 'document_header',
    components: [{ type: 'HEADER', format: 'DOCUMENT' }, body('Your offer, {{1}}.')]
  }),
  listed({
    name: 'location_and_buttons',
    components: [
      { type: 'HEADER', format: 'LOCATION' },
      body('Come to {{1}}.'),
      buttons({ type: 'FLOW', text: 'Book', flow_id: '1' })
    ]
  }),
  listed({ name: 'braced', components: [body('A set: {{{1}}}, see {{2}}.')] })
]

export const LISTED: ListedTemplate[] = [
  ...fixture('api-template-list').data.map(listed),
  ...seedTemplates('test', '720000000000001').map(listed),
  ...Object.values(DEFINITIONS),
  ...OTHERS
]
