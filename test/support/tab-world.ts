/**
 * What the tab's browser tests talk about: one conversation of a shop, its templates, messages, contacts. Plain data in
 * the shapes of the REST contract; the in-test server checks every answer by the contract's own schemas.
 */
import type { Failure, NumberInfo, SendInfo } from '../../plugin/http/contract/common.ts'
import type { ServedConversation } from '../../plugin/http/contract/conversation.ts'
import type { LibraryItem } from '../../plugin/http/contract/media.ts'
import type { MessageDetails, MessageSummary } from '../../plugin/http/contract/message.ts'
import type { ContactInfo } from '../../plugin/http/contract/start.ts'
import type {
  PreviewCard,
  SlotSource,
  SlotValues,
  TemplateProblem,
  TemplateSlot,
  TemplateSummary
} from '../../plugin/http/contract/template.ts'

export const hourMs = 3_600_000
export const ago = (ms: number): string => new Date(Date.now() - ms).toISOString()

export const failure: Failure = {
  code: 'wa_undeliverable',
  metaCode: 131026,
  sentence: 'The customer cannot be reached on WhatsApp. Check the number, or call.',
  whoCanMend: 'agent',
  action: 'edit_number'
}

export const number: NumberInfo = {
  id: 1,
  inboxId: 1,
  name: 'Ferretería Norte',
  displayPhoneNumber: '+34 600 000 001',
  language: 'es',
  paused: null,
  quality: 'green',
  messagingLimit: 2000,
  lastUsedAt: ago(hourMs),
  callLink: 'https://wa.me/call/34600000001'
}

export const sources: SlotSource[] = [
  { key: 'contact.name', label: 'Contact name', value: 'Ana Torres' },
  { key: 'contact.custom.city', label: 'City', value: null },
  { key: 'agent.name', label: 'My name', value: 'Bea Agent' },
  { key: 'conversation.custom.order', label: 'Order', value: 'A-1042' }
]

const every: ServedConversation['allowed'] = [
  'text',
  'template',
  'buttons',
  'list',
  'url_button',
  'location',
  'location_request',
  'contacts',
  'reaction',
  'sticker',
  'voice',
  'media'
]

export function makeConversation(open: boolean): ServedConversation {
  return {
    served: true,
    conversationId: 57,
    link: 'http://desk.test/app/accounts/1/conversations/57',
    deskStatus: 'open',
    number: { ...number },
    customer: { contactId: 9, name: 'Ana Torres', phone: '+34 600 111 222', username: null, language: 'es' },
    window: {
      open,
      expiresAt: new Date(Date.now() + (open ? 18.7 : -30) * hourMs).toISOString(),
      now: new Date().toISOString(),
      freeEntryPointUntil: null
    },
    allowed: open ? every : ['template'],
    composerLocked: false,
    consent: { marketing: 'unknown', at: null },
    notices: [],
    parked: [],
    lastFailure: null,
    elsewhere: [],
    receipts: 'on',
    sources,
    version: '1'
  }
}

export interface TemplateSeed {
  summary: TemplateSummary
  slots: TemplateSlot[]
  suggested: SlotValues
  header: PreviewCard['header']
  buttons: PreviewCard['buttons']
  footer: string | null
  cards: PreviewCard[]
  offer: { text: string; endsAt: string | null } | null
}

type SummaryPart = Partial<TemplateSummary> & Pick<TemplateSummary, 'id' | 'name' | 'body'>
type SlotPart = Partial<TemplateSlot> & Pick<TemplateSlot, 'key' | 'kind'>
type SeedPart = Partial<Omit<TemplateSeed, 'summary' | 'slots'>> & { slots?: SlotPart[] }

export function seedTemplate(part: SummaryPart, rest: SeedPart = {}): TemplateSeed {
  const buttons = rest.buttons ?? []
  return {
    suggested: {},
    header: null,
    footer: null,
    cards: [],
    offer: null,
    ...rest,
    summary: {
      language: 'es',
      category: 'utility',
      status: 'approved',
      quality: 'green',
      languages: [],
      headerKind: rest.header?.kind ?? 'none',
      headerText: rest.header?.kind === 'text' ? rest.header.text : null,
      footer: rest.footer ?? null,
      offer: rest.offer?.text ?? null,
      buttonTexts: buttons.map(one => one.label),
      cards: (rest.cards ?? []).map(card => ({
        headerKind: card.header?.kind ?? 'none',
        body: card.body?.text ?? null,
        buttonTexts: card.buttons.map(one => one.label)
      })),
      favourite: false,
      lastUsedAt: null,
      problem: null,
      direction: 'ltr',
      ...part
    },
    slots: (rest.slots ?? []).map(slot => ({
      in: 'body',
      card: null,
      button: null,
      label: slot.key,
      example: null,
      required: true,
      maxLength: null,
      context: null,
      ...slot
    })),
    buttons
  } as TemplateSeed
}

const plain = (text: string): NonNullable<PreviewCard['body']> => ({
  text,
  pieces: [{ text, slot: null, filled: true }]
})

export const paused: TemplateProblem = {
  where: 'template',
  code: 'status_paused',
  sentence: 'Meta has paused this template. Choose another one.',
  blocking: true
}

export const seeds: TemplateSeed[] = [
  seedTemplate(
    {
      id: 't-order',
      name: 'order_update',
      body: 'Hola *{{1}}*, tu pedido {{2}} va en camino. Llega el _{{3}}_.',
      favourite: true,
      lastUsedAt: ago(2 * hourMs),
      languages: ['es', 'en']
    },
    {
      header: { kind: 'text', ...plain('Pedido en camino') },
      footer: 'Ferretería Norte',
      buttons: [
        { kind: 'quick_reply', label: 'Gracias', target: null },
        { kind: 'url', label: 'Seguir el pedido', target: 'https://shop.test/o/A-1042' }
      ],
      slots: [
        { key: 'body.1', kind: 'text', label: '1', example: 'Ana', context: { before: 'Hola ', after: ', tu pedido' } },
        {
          key: 'body.2',
          kind: 'text',
          label: '2',
          example: 'A-1',
          context: { before: 'tu pedido ', after: ' va en camino' }
        },
        { key: 'body.3', kind: 'text', label: '3', example: 'lunes', context: { before: 'Llega el ', after: '.' } },
        { key: 'button.0', kind: 'payload', label: 'Gracias', in: 'button', button: 0, required: false }
      ],
      suggested: {
        'body.1': { kind: 'source', source: 'contact.name', fallback: 'cliente' },
        'body.2': { kind: 'source', source: 'conversation.custom.order' }
      }
    }
  ),
  seedTemplate({
    id: 't-hello',
    name: 'saludo',
    body: 'Hola, ¿en qué podemos ayudarte hoy?',
    lastUsedAt: ago(20 * hourMs)
  }),
  seedTemplate(
    {
      id: 't-offer',
      name: 'oferta_verano',
      category: 'marketing',
      body: 'Hola {{nombre}}, *20 % de descuento* en toda la tienda hasta el domingo.'
    },
    {
      header: { kind: 'image', slot: 'header', name: null, url: null },
      offer: { text: 'Oferta de verano', endsAt: null },
      buttons: [
        { kind: 'copy_code', label: 'Copiar código', target: 'VERANO20' },
        { kind: 'url', label: 'Ver la tienda', target: 'https://shop.test' }
      ],
      slots: [
        { key: 'header', kind: 'image', label: 'Picture', in: 'header' },
        { key: 'body.nombre', kind: 'text', label: 'nombre' },
        { key: 'offer', kind: 'moment', label: 'The offer ends', in: 'offer' },
        {
          key: 'button.0',
          kind: 'coupon',
          label: 'Copiar código',
          in: 'button',
          button: 0,
          example: 'VERANO20',
          maxLength: 20
        }
      ],
      suggested: { 'body.nombre': { kind: 'source', source: 'contact.name' } }
    }
  ),
  seedTemplate(
    { id: 't-cards', name: 'novedades_carrusel', category: 'marketing', body: 'Novedades de la semana:' },
    {
      cards: ['Taladro 18 V', 'Sierra de mano', 'Caja de herramientas'].map((name, at) => ({
        header: { kind: 'image', slot: `card.${at}.header`, name: null, url: null },
        body: plain(name),
        buttons: [{ kind: 'url', label: 'Comprar', target: 'https://shop.test' }]
      })),
      slots: [0, 1, 2].map(card => ({
        key: `card.${card}.header`,
        kind: 'image' as const,
        label: 'Picture',
        in: 'header' as const,
        card
      }))
    }
  ),
  seedTemplate(
    { id: 't-store', name: 'nuestra_tienda', body: 'Te esperamos en nuestra tienda.' },
    {
      header: { kind: 'location', slot: 'header', name: null, address: null },
      slots: [{ key: 'header', kind: 'location', label: 'Location', in: 'header' }]
    }
  ),
  seedTemplate(
    { id: 't-otp', name: 'codigo_acceso', category: 'authentication', body: '*{{1}}* es tu código de verificación.' },
    {
      buttons: [{ kind: 'otp', label: 'Copiar código', target: null }],
      slots: [{ key: 'code', kind: 'code', label: 'Code', maxLength: 15 }]
    }
  ),
  seedTemplate(
    {
      id: 't-order-en',
      name: 'order_update',
      language: 'en',
      body: 'Hi {{1}}, your order is on its way.',
      languages: ['es', 'en']
    },
    {
      slots: [{ key: 'body.1', kind: 'text', label: '1', example: 'Ana' }],
      suggested: { 'body.1': { kind: 'source', source: 'contact.name' } }
    }
  ),
  seedTemplate(
    { id: 't-ar', name: 'tarhib', language: 'ar', direction: 'rtl', body: 'مرحبا {{1}}، كيف يمكننا مساعدتك؟' },
    {
      slots: [{ key: 'body.1', kind: 'text', label: '1', example: 'آنا' }],
      suggested: { 'body.1': { kind: 'source', source: 'contact.name' } }
    }
  ),
  seedTemplate({
    id: 't-paused',
    name: 'recordatorio_cita',
    body: 'Tu cita es mañana.',
    status: 'paused',
    problem: paused
  })
]

const summary = (part: Partial<MessageSummary> & Pick<MessageSummary, 'messageId' | 'text'>): MessageSummary => ({
  direction: 'out',
  at: ago(2 * hourMs),
  sender: 'Bea Agent',
  state: 'read',
  failure: null,
  files: [],
  ...part
})

export const messages: MessageSummary[] = [
  summary({
    messageId: 812,
    text: '¿Sigue disponible la lámpara azul?',
    direction: 'in',
    sender: 'Ana Torres',
    state: null,
    at: ago(5.3 * hourMs)
  }),
  summary({ messageId: 811, text: 'Su pedido llega el lunes.', state: 'failed', failure, at: ago(6 * hourMs) }),
  summary({
    messageId: 810,
    text: 'Aquí tiene la factura.',
    state: 'delivered',
    at: ago(7 * hourMs),
    files: [{ fileId: 3, kind: 'document', name: 'factura-1042.pdf', sizeBytes: 48_000, mimeType: 'application/pdf' }]
  }),
  summary({ messageId: 809, text: 'Buenos días, Ana.', state: 'read', at: ago(8 * hourMs) })
]

export function makeDetails(id: number): MessageDetails {
  const found = messages.find(one => one.messageId === id) ?? summary({ messageId: id, text: 'Hola' })
  const failed = found.state === 'failed'
  return {
    messageId: id,
    direction: found.direction,
    from: number.displayPhoneNumber,
    to: '+34 600 111 222',
    number,
    text: found.text,
    metaAt: found.at,
    deskAt: found.at,
    state: found.state,
    failure: found.failure,
    parts: [
      {
        part: 0,
        attempt: 1,
        wamid: 'wamid.HBgLMzQ2MDAxMTEyMjIVAgARGBI5QTNDQTVCM0Q0Q0Q2RTY3RTcA',
        state: found.state ?? 'sent',
        failure: found.failure,
        category: 'utility',
        billable: true,
        pricingModel: 'PMP'
      }
    ],
    template: null,
    externalRef: null,
    receipts: 'on',
    timeline: [
      { at: found.at, where: 'desk', step: 'written', sentence: 'Bea Agent wrote it in Chatwoot.', part: null },
      { at: found.at, where: 'puente', step: 'attempted', sentence: 'Puente handed it to WhatsApp.', part: 0 },
      failed
        ? {
            at: found.at,
            where: 'whatsapp',
            step: 'failed',
            sentence: 'WhatsApp could not reach the customer.',
            part: 0
          }
        : {
            at: found.at,
            where: 'whatsapp',
            step: 'delivered',
            sentence: 'It reached the phone of the customer.',
            part: 0
          }
    ]
  }
}

export const contacts: ContactInfo[] = [
  { contactId: 9, name: 'Ana Torres', phone: '+34600111222', email: 'ana@example.com', onWhatsApp: true },
  { contactId: 10, name: 'Luis Pérez', phone: '+34600333444', email: null, onWhatsApp: false }
]

export const library: LibraryItem[] = [
  {
    itemId: '5b8f2a44-6a53-4f0c-9c1f-7a9a5f3f0a01',
    kind: 'file',
    title: 'Catálogo 2026',
    url: null,
    name: 'catalogo-2026.pdf',
    mimeType: 'application/pdf',
    sizeBytes: 2_400_000,
    sendsAs: 'document',
    addedAt: ago(240 * hourMs),
    mayDelete: true
  },
  {
    itemId: '5b8f2a44-6a53-4f0c-9c1f-7a9a5f3f0a02',
    kind: 'link',
    title: 'Horario de la tienda',
    url: 'https://shop.test/horario',
    name: null,
    mimeType: null,
    sizeBytes: null,
    sendsAs: null,
    addedAt: ago(90 * hourMs),
    mayDelete: false
  }
]

export function makeSend(n: number, part: Partial<SendInfo> = {}): SendInfo {
  return {
    sendId: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
    state: 'queued',
    accountId: 1,
    conversationId: 57,
    messageId: 900 + n,
    numberId: 1,
    link: 'http://desk.test/app/accounts/1/conversations/57',
    wamids: [],
    failure: null,
    externalRef: null,
    createdAt: new Date().toISOString(),
    updatedAt: new Date().toISOString(),
    ...part
  }
}
