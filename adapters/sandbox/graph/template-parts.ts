/** Short ways to write a template's components down, as `GET /{WABA}/message_templates` shows them. */
import type { Json } from './model.ts'

export const body = (text: string, ...examples: string[]): Json =>
  examples.length > 0 ? { type: 'BODY', text, example: { body_text: [examples] } } : { type: 'BODY', text }
export const namedBody = (text: string, examples: Record<string, string>): Json => ({
  type: 'BODY',
  text,
  example: {
    body_text_named_params: Object.entries(examples).map(([param_name, example]) => ({ param_name, example }))
  }
})
export const headerText = (text: string, example?: string): Json => ({
  type: 'HEADER',
  format: 'TEXT',
  text,
  ...(example ? { example: { header_text: [example] } } : {})
})
export const headerMedia = (format: 'IMAGE' | 'VIDEO' | 'DOCUMENT'): Json => ({
  type: 'HEADER',
  format,
  example: { header_handle: ['https://scontent.whatsapp.net/v/example'] }
})
export const footer = (text: string): Json => ({ type: 'FOOTER', text })
export const buttons = (...list: Json[]): Json => ({ type: 'BUTTONS', buttons: list })
export const quick = (text: string): Json => ({ type: 'QUICK_REPLY', text })
export const url = (text: string, address: string, example?: string): Json => ({
  type: 'URL',
  text,
  url: address,
  ...(example ? { example: [example] } : {})
})
export const call = (text: string): Json => ({ type: 'PHONE_NUMBER', text, phone_number: '+15550100200' })
export const copyCode = (code: string): Json => ({ type: 'COPY_CODE', text: 'Copy offer code', example: code })
