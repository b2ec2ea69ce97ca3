/** Meta's webhooks for the load: signed bodies of text messages and statuses of known customers, about 1 KB each. */
import { createHmac } from 'node:crypto'
import { toRequest } from './load.ts'

export interface LoadCustomer {
  waId: string
  userId: string
  name: string
}

export interface NumberKeys {
  wabaId: string
  phoneNumberId: string
  displayPhoneNumber: string
  appSecret: string
}

export interface WebhookMaker {
  /** A text message of customer `index`; every call makes a new message. */
  message(customer: LoadCustomer): { wamid: string; request: Buffer }
  status(wamid: string, status: 'sent' | 'delivered' | 'read', customer: LoadCustomer): Buffer
  /** A wamid that nobody has used. */
  wamid(): string
}

const PATH = '/webhooks/whatsapp'
/** Brings a text webhook to about 1 KB, as Meta's are. */
const WORDS = 'Hello, is the order that I placed on Monday already on its way? '

export function createWebhookMaker(keys: NumberKeys, run: string): WebhookMaker {
  let serial = 0
  const sign = (body: Buffer): Buffer => {
    const signature = createHmac('sha256', keys.appSecret).update(body).digest('hex')
    return toRequest(PATH, body, { 'x-hub-signature-256': `sha256=${signature}` })
  }
  const wrap = (value: object): Buffer =>
    Buffer.from(
      JSON.stringify({
        object: 'whatsapp_business_account',
        entry: [
          {
            id: keys.wabaId,
            changes: [
              {
                value: {
                  messaging_product: 'whatsapp',
                  metadata: { display_phone_number: keys.displayPhoneNumber, phone_number_id: keys.phoneNumberId },
                  ...value
                },
                field: 'messages'
              }
            ]
          }
        ]
      })
    )
  const wamid = (): string =>
    `wamid.HBgN${Buffer.from(`${run}-${String(serial++).padStart(9, '0')}-bench`).toString('base64')}`
  const nowSeconds = (): string => String(Math.floor(Date.now() / 1000))
  return {
    wamid,
    message(customer) {
      const id = wamid()
      const body = wrap({
        contacts: [{ profile: { name: customer.name }, wa_id: customer.waId, user_id: customer.userId }],
        messages: [
          {
            from: customer.waId,
            from_user_id: customer.userId,
            id,
            timestamp: nowSeconds(),
            type: 'text',
            text: { body: WORDS.repeat(7) }
          }
        ]
      })
      return { wamid: id, request: sign(body) }
    },
    status(id, status, customer) {
      return sign(
        wrap({
          statuses: [
            {
              id,
              status,
              timestamp: nowSeconds(),
              recipient_id: customer.waId,
              recipient_user_id: customer.userId,
              pricing: { billable: true, pricing_model: 'PMP', category: 'service', type: 'free_customer_service' }
            }
          ]
        })
      )
    }
  }
}
