/**
 * A send from the desk's own template picker (`template_params`, seen in recorded-4.16.2) as a template message.
 * A media header comes as an address, which WhatsApp fetches by itself. Leaves out carousels, which the picker cannot fill.
 */
import { PuenteError } from '../errors.ts'
import type { TemplateMessage, TemplateParameter } from '../model.ts'

interface PickerButton {
  type?: string
  parameter?: string
}

export function templateFromPicker(params: Record<string, unknown>): TemplateMessage {
  const name = params['name']
  const language = params['language']
  if (typeof name !== 'string' || typeof language !== 'string') {
    throw new PuenteError('wa_template_parameters', { stage: 'decide', facts: { missing: 'name or language' } })
  }
  const processed = (params['processed_params'] ?? {}) as Record<string, unknown>
  // Older desks put the body's slots at the top.
  const body = (isRecord(processed['body']) ? processed['body'] : flatSlots(processed)) as Record<string, unknown>
  const header = isRecord(processed['header']) ? processed['header'] : {}
  const buttons = Array.isArray(processed['buttons']) ? (processed['buttons'] as (PickerButton | null)[]) : []
  return {
    name,
    language,
    header: [
      ...mediaHeader(header),
      ...slots(Object.fromEntries(Object.entries(header).filter(([key]) => !key.startsWith('media_'))))
    ],
    body: slots(body),
    buttons: buttons.flatMap((button, index) => {
      if (!button?.parameter) return []
      const copy = button.type === 'copy_code'
      return [
        {
          index,
          type: copy ? ('copy_code' as const) : ('url' as const),
          parameter: { type: copy ? ('coupon_code' as const) : ('text' as const), value: button.parameter }
        }
      ]
    })
  }
}

function mediaHeader(header: Record<string, unknown>): TemplateParameter[] {
  const { media_url: url, media_type: told, media_name: name } = header
  if (url === undefined || url === null || url === '') return []
  const type = MEDIA_HEADERS.find(known => known === String(told).toLowerCase())
  if (type === undefined || typeof url !== 'string' || !/^https?:\/\//i.test(url)) {
    throw new PuenteError('wa_template_parameters', { stage: 'decide', facts: { media: String(told) } })
  }
  return [
    { type, value: url, ...(type === 'document' && typeof name === 'string' && name !== '' ? { filename: name } : {}) }
  ]
}

const MEDIA_HEADERS = ['image', 'video', 'document'] as const

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function flatSlots(processed: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(processed).filter(([, value]) => typeof value === 'string'))
}

/** Numbered slots in their order, named ones by their name. */
function slots(values: Record<string, unknown>): TemplateParameter[] {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined && value !== null)
  const numbered = entries.every(([key]) => /^\d+$/.test(key))
  if (numbered) entries.sort(([a], [b]) => Number(a) - Number(b))
  return entries.map(([key, value]) => ({ type: 'text', value: String(value), ...(numbered ? {} : { name: key }) }))
}
