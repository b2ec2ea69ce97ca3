/** What a customer sends when only the kind was named: a referral, cards, an order. Values are invented. */
import type { Customer, Json } from './model.ts'
import type { SayInput } from './say-input.ts'

export function sampleReferral(input: SayInput): Json {
  const video = input.subtype === 'video'
  return {
    source_url: 'https://fb.me/EXAMPLE1',
    source_id: '120200000000000001',
    source_type: video ? 'post' : 'ad',
    body: 'Spring catalogue is here',
    headline: 'Chat with us',
    ...(video
      ? {
          media_type: 'video',
          video_url: 'https://video.xx.fbcdn.net/v/example.mp4',
          thumbnail_url: 'https://scontent.xx.fbcdn.net/v/thumb.jpg'
        }
      : {
          media_type: 'image',
          image_url: 'https://scontent.xx.fbcdn.net/v/example.jpg',
          ctwa_clid: 'ARAexampleclickid0001',
          welcome_message: { text: 'Hi! How can we help?' }
        })
  }
}

export function sampleCard(): Json {
  return {
    addresses: [
      {
        city: 'Springfield',
        country: 'United States',
        country_code: 'us',
        state: 'CA',
        street: '1 Example Street',
        type: 'HOME',
        zip: '90000'
      }
    ],
    birthday: '1990-01-23',
    emails: [{ email: 'barb@example.org', type: 'WORK' }],
    name: {
      formatted_name: 'Dr. Barbara J. Johnson Jr.',
      first_name: 'Barbara',
      last_name: 'Johnson',
      middle_name: 'J.',
      suffix: 'Jr.',
      prefix: 'Dr.'
    },
    org: { company: 'Example Ltd', department: 'Legal', title: 'Counsel' },
    phones: [{ phone: '+1 (555) 010-0444', wa_id: '15550100444', type: 'MOBILE' }],
    urls: [{ url: 'https://example.org', type: 'WORK' }]
  }
}

export function sharedCard(customer: Customer): Json {
  const digits = customer.phoneDigits ?? '15550100301'
  const [first, ...rest] = customer.name.split(' ')
  return {
    name: {
      formatted_name: customer.name,
      first_name: first,
      ...(rest.length > 0 ? { last_name: rest.join(' ') } : {})
    },
    phones: [{ phone: `+${digits}`, wa_id: customer.waId ?? digits, type: 'CELL' }],
    vcard: `BEGIN:VCARD\nVERSION:3.0\nFN:${customer.name}\nTEL;type=CELL;waid=${customer.waId ?? digits}:+${digits}\nEND:VCARD`,
    origin: 'contact_request'
  }
}

export function sampleItems(): Json[] {
  return [
    { product_retailer_id: 'sku-001', quantity: 2, item_price: 30, currency: 'USD' },
    { product_retailer_id: 'sku-002', quantity: 1, item_price: 7.99, currency: 'USD' }
  ]
}
