/**
 * The approved templates that a new sandbox starts with: one of each shape a bridge must fill (named and positional,
 * media headers, every kind of button, carousel, limited-time offer, authentication), plus paused, disabled, rejected.
 */
import { deriveDigits } from './identity.ts'
import type { Json, TemplateRecord } from './model.ts'
import {
  body,
  buttons,
  call,
  copyCode,
  footer,
  headerMedia,
  headerText,
  namedBody,
  quick,
  url
} from './template-parts.ts'

type Seed = Omit<TemplateRecord, 'id' | 'parameter_format'> & { named?: boolean }

const ok = 'APPROVED' as const

function seeds(flowId: string): Seed[] {
  const card = (n: number): Json => ({
    components: [
      headerMedia('IMAGE'),
      body(`Product ${n}, now at 10% off`),
      buttons(quick('Tell me more'), url('Shop', 'https://example.org/p/{{1}}', `p${n}`))
    ]
  })
  return [
    {
      name: 'hello_world',
      language: 'en_US',
      status: ok,
      category: 'UTILITY',
      components: [
        headerText('Hello World'),
        body(
          'Welcome and congratulations!! This message demonstrates your ability to send a WhatsApp message notification. Thank you for taking the time to test with us.'
        ),
        footer('WhatsApp Business Platform sample message')
      ]
    },
    {
      name: 'order_confirmation',
      language: 'en_US',
      status: ok,
      category: 'UTILITY',
      components: [
        body(
          'Thank you, {{1}}! Your order {{2}} is confirmed. We will tell you when it leaves.',
          'Pablo',
          '860198-230332'
        )
      ]
    },
    {
      name: 'order_confirmation',
      language: 'es',
      status: ok,
      category: 'UTILITY',
      components: [
        body('¡Gracias, {{1}}! Tu pedido {{2}} está confirmado. Te avisaremos cuando salga.', 'Pablo', '860198-230332')
      ]
    },
    {
      name: 'order_confirmation',
      language: 'pt_BR',
      status: ok,
      category: 'UTILITY',
      components: [
        body('Obrigado, {{1}}! Seu pedido {{2}} está confirmado. Avisaremos quando sair.', 'Pablo', '860198-230332')
      ]
    },
    {
      name: 'shipping_update',
      language: 'en_US',
      status: ok,
      category: 'UTILITY',
      components: [
        headerText('Order {{1}}', '42'),
        body(
          'Hello {{1}}, your parcel arrives on {{2}} between {{3}}. Please be at home.',
          'Pablo',
          'Friday',
          '10 and 12'
        ),
        footer('Sandbox Shop'),
        buttons(url('Track parcel', 'https://example.org/t/{{1}}', 'https://example.org/t/42'), call('Call us'))
      ]
    },
    {
      name: 'reservation_confirmation',
      language: 'en_US',
      status: ok,
      category: 'UTILITY',
      named: true,
      components: [
        headerMedia('IMAGE'),
        namedBody('Reservation for {{number_of_guests}} on {{day}}. We look forward to it.', {
          number_of_guests: '4',
          day: 'Saturday'
        }),
        footer('Example Eatery'),
        buttons(
          url('Change', 'https://example.org/r/{{1}}', 'https://example.org/r/42'),
          call('Call us'),
          quick('Cancel')
        )
      ]
    },
    {
      name: 'welcome_offer',
      language: 'en_US',
      status: ok,
      category: 'MARKETING',
      named: true,
      components: [
        namedBody('Hi {{first_name}}, use {{discount_code}} for 25% off your first order.', {
          first_name: 'Jessica',
          discount_code: 'WELCOME25'
        }),
        footer('Reply STOP to opt out')
      ]
    },
    {
      name: 'bienvenida',
      language: 'es',
      status: ok,
      category: 'MARKETING',
      named: true,
      components: [
        namedBody('Hola {{nombre}}, usa {{codigo}} y llévate un 25 % de descuento.', {
          nombre: 'Lucía',
          codigo: 'HOLA25'
        }),
        buttons(quick('Ver ofertas'), quick('No recibir más'))
      ]
    },
    {
      name: 'promo_image',
      language: 'en_US',
      status: ok,
      category: 'MARKETING',
      components: [headerMedia('IMAGE'), body('Hi {{1}}, our spring catalogue is here!', 'Pablo')]
    },
    {
      name: 'promo_video',
      language: 'en_US',
      status: ok,
      category: 'MARKETING',
      components: [headerMedia('VIDEO'), body('See what is new this week.')]
    },
    {
      name: 'invoice_ready',
      language: 'en_US',
      status: ok,
      category: 'UTILITY',
      components: [
        headerMedia('DOCUMENT'),
        body('Hello {{1}}, your invoice for {{2}} is attached.', 'Pablo', 'November')
      ]
    },
    {
      name: 'store_location',
      language: 'en_US',
      status: ok,
      category: 'UTILITY',
      components: [{ type: 'HEADER', format: 'LOCATION' }, body('Your order is ready. You can pick it up here.')]
    },
    {
      name: 'appointment_reminder',
      language: 'en_US',
      status: ok,
      category: 'UTILITY',
      components: [
        body('Your appointment is on {{1}}. Will you come?', 'November 5'),
        buttons(quick('Confirm'), quick('Change'), quick('Cancel'))
      ]
    },
    {
      name: 'seasonal_promo',
      language: 'en_US',
      status: ok,
      category: 'MARKETING',
      components: [
        body('The summer sale has begun. Have a look!'),
        buttons(quick('Unsubscribe'), url('Shop now', 'https://example.org/s/{{1}}', 'https://example.org/s/summer'))
      ]
    },
    {
      name: 'coupon_code',
      language: 'en_US',
      status: ok,
      category: 'MARKETING',
      components: [
        body('Here is your code for 25% off: {{1}} - valid this week.', '25OFF'),
        buttons(quick('Unsubscribe'), copyCode('25OFF'))
      ]
    },
    {
      name: 'limited_offer',
      language: 'en_US',
      status: ok,
      category: 'MARKETING',
      components: [
        headerMedia('IMAGE'),
        { type: 'LIMITED_TIME_OFFER', limited_time_offer: { text: 'Expiring offer!', has_expiration: true } },
        body('Good news, {{1}}! Use code {{2}} before it ends.', 'Pablo', 'CARIBE25'),
        buttons(copyCode('CARIBE25'), url('Book now', 'https://example.org/o/{{1}}', 'https://example.org/o/n3mtql'))
      ]
    },
    {
      name: 'carousel_products',
      language: 'en_US',
      status: ok,
      category: 'MARKETING',
      components: [
        body('Hi {{1}}, two things picked for you.', 'Pablo'),
        { type: 'CAROUSEL', cards: [card(1), card(2)] }
      ]
    },
    {
      name: 'catalog_teaser',
      language: 'en_US',
      status: ok,
      category: 'MARKETING',
      components: [body('Browse our whole catalogue in WhatsApp.'), buttons({ type: 'CATALOG', text: 'View catalog' })]
    },
    {
      name: 'picked_products',
      language: 'en_US',
      status: ok,
      category: 'MARKETING',
      components: [
        headerText('Picked for you'),
        body('Popular this week.'),
        buttons({ type: 'MPM', text: 'View items' })
      ]
    },
    {
      name: 'feedback_flow',
      language: 'en_US',
      status: ok,
      category: 'UTILITY',
      components: [
        body('How was your order, {{1}}? It takes one minute.', 'Pablo'),
        buttons({ type: 'FLOW', text: 'Rate us', flow_id: flowId, flow_action: 'navigate', navigate_screen: 'RATING' })
      ]
    },
    {
      name: 'verification_code',
      language: 'en_US',
      status: ok,
      category: 'AUTHENTICATION',
      components: [
        {
          type: 'BODY',
          text: '*{{1}}* is your verification code. For your security, do not share this code.',
          add_security_recommendation: true,
          example: { body_text: [['123456']] }
        },
        { type: 'FOOTER', text: 'This code expires in 10 minutes.', code_expiration_minutes: 10 },
        buttons({
          type: 'URL',
          text: 'Copy code',
          url: 'https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}',
          example: ['https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp123456']
        })
      ]
    },
    {
      name: 'payment_received',
      language: 'en_US',
      status: ok,
      category: 'UTILITY',
      components: [body('We received {{1}} on {{2}}. Thank you!', '$100.99', 'November 5, 2026')]
    },
    {
      name: 'contact_request',
      language: 'en_US',
      status: ok,
      category: 'UTILITY',
      components: [
        body('May we have your phone number to call you back?'),
        buttons({ type: 'REQUEST_CONTACT_INFO', text: 'Share number' })
      ]
    },
    {
      name: 'support_followup',
      language: 'es_MX',
      status: ok,
      category: 'UTILITY',
      components: [
        headerText('Seguimiento'),
        body('Hola {{1}}, retomamos tu caso {{2}}. ¿Sigues ahí?', 'Ximena', '1042'),
        footer('Equipo de soporte'),
        buttons(quick('Sí, aquí estoy'), quick('Ya está resuelto'))
      ]
    },
    {
      name: 'rastreio_pedido',
      language: 'pt_BR',
      status: ok,
      category: 'UTILITY',
      components: [
        body('Olá {{1}}, seu pedido chega em {{2}}. Qualquer dúvida, é só responder.', 'João', 'sexta-feira'),
        buttons(url('Acompanhar', 'https://example.org/t/{{1}}', 'https://example.org/t/42'))
      ]
    },
    {
      name: 'offer_link',
      language: 'en_US',
      status: ok,
      category: 'MARKETING',
      components: [body('A new offer is waiting for you.'), buttons(url('See offer', 'https://example.org/offer'))]
    },
    {
      name: 'paused_promo',
      language: 'en_US',
      status: 'PAUSED',
      category: 'MARKETING',
      components: [body('This one was paused for low quality.')],
      quality_score: { score: 'RED' }
    },
    {
      name: 'disabled_promo',
      language: 'en_US',
      status: 'DISABLED',
      category: 'MARKETING',
      components: [body('This one was paused too often.')],
      quality_score: { score: 'RED' }
    },
    {
      name: 'rejected_promo',
      language: 'pt_BR',
      status: 'REJECTED',
      category: 'MARKETING',
      components: [body('Use {{1}} agora mesmo!', '25OFF')],
      rejected_reason: 'PROMOTIONAL'
    }
  ]
}

export function seedTemplates(instance: string, flowId: string): TemplateRecord[] {
  return seeds(flowId).map(({ named, ...seed }) => ({
    ...seed,
    id: `81${deriveDigits(instance, `template-${seed.name}-${seed.language}`, 13)}`,
    parameter_format: named ? 'NAMED' : 'POSITIONAL',
    quality_score: seed.quality_score ?? { score: 'UNKNOWN' }
  }))
}
