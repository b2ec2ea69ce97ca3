/**
 * Meta's rules for the components of a template send, written from the contract (§5, §6) on raw JSON and sharing no
 * code with the template model: says what is wrong, and what the customer reads.
 */

type Json = Record<string, unknown>

export interface Judged {
  wrong: string[]
  header: string | null
  body: string | null
  urls: (string | null)[]
  cards: Judged[]
}

export interface Definition {
  category: string
  parameter_format?: string
  components: Json[]
}

export function judge(definition: Definition, sent: Json[], bodyLimit = 1024): Judged {
  const wrong: string[] = []
  const named = definition.parameter_format === 'NAMED'
  const of = (type: string) => definition.components.find(part => String(part['type']).toUpperCase() === type)
  const given = (type: string) => {
    const all = sent.filter(part => part['type'] === type)
    if (all.length > 1) wrong.push(`${type} twice`)
    return all[0]
  }
  if (JSON.stringify(sent).includes('{{')) wrong.push('double braces leave')
  for (const part of sent) {
    if (!['header', 'body', 'button', 'carousel', 'limited_time_offer'].includes(String(part['type'])))
      wrong.push(`component ${part['type']}`)
  }
  const judged: Judged = { wrong, header: null, body: null, urls: [], cards: [] }
  const header = of('HEADER')
  const sentHeader = given('header')
  if (!header && sentHeader) wrong.push('header without definition')
  if (header) judged.header = judgeHeader(header, sentHeader, named, wrong)
  const body = of('BODY')
  judged.body = judgeText('body', String(body?.['text'] ?? ''), given('body'), named, wrong)
  if ([...judged.body].length > bodyLimit) wrong.push('132005 body too long')

  const offer = of('LIMITED_TIME_OFFER')?.['limited_time_offer'] as Json | undefined
  const ends = given('limited_time_offer')
  if (offer?.['has_expiration'] === true) {
    const parameter = parametersOf(ends)[0]
    const at = (parameter?.['limited_time_offer'] as Json | undefined)?.['expiration_time_ms']
    if (typeof at !== 'number' || !Number.isInteger(at)) wrong.push('offer without its end')
  } else if (ends) wrong.push('offer that was not defined')

  judged.urls = judgeButtons(definition, (of('BUTTONS')?.['buttons'] ?? []) as Json[], sent, wrong)

  const carousel = of('CAROUSEL')
  const cards = (given('carousel')?.['cards'] ?? []) as Json[]
  const definedCards = (carousel?.['cards'] ?? []) as Json[]
  if (cards.length !== definedCards.length) wrong.push('132012 number of cards')
  for (const [index, card] of definedCards.entries()) {
    if (cards[index]?.['card_index'] !== index) wrong.push(`card_index ${index}`)
    const one = judge(
      { ...definition, components: card['components'] as Json[] },
      (cards[index]?.['components'] ?? []) as Json[],
      160
    )
    judged.cards.push(one)
    wrong.push(...one.wrong.map(each => `card ${index}: ${each}`))
  }
  return judged
}

function parametersOf(part: Json | undefined): Json[] {
  return (part?.['parameters'] ?? []) as Json[]
}

function placesOf(text: string): string[] {
  return [...new Set([...text.matchAll(/\{\{\s*(\w+)\s*\}\}/g)].map(found => found[1]!))]
}

function judgeText(part: string, text: string, sent: Json | undefined, named: boolean, wrong: string[]): string {
  const places = placesOf(text)
  const parameters = parametersOf(sent)
  if (parameters.length !== places.length) wrong.push(`132000 ${part}: ${parameters.length} of ${places.length}`)
  if (sent && parameters.length === 0) wrong.push(`${part} without parameters`)
  for (const parameter of parameters) {
    const value = parameter['text']
    if (parameter['type'] !== 'text' || typeof value !== 'string' || value === '') wrong.push(`132012 ${part}`)
    else if (/[\n\r\t]| {4,}/.test(value)) wrong.push(`132018 ${part}: ${JSON.stringify(value)}`)
    if (named !== (typeof parameter['parameter_name'] === 'string')) wrong.push(`${part}: parameter_name`)
  }
  return text.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, key: string) => {
    const found = named ? parameters.find(each => each['parameter_name'] === key) : parameters[Number(key) - 1]
    if (!found) wrong.push(`${part}: nothing for ${key}`)
    return String(found?.['text'] ?? '')
  })
}

function judgeHeader(header: Json, sent: Json | undefined, named: boolean, wrong: string[]): string | null {
  const format = String(header['format'] ?? 'TEXT').toLowerCase()
  if (format === 'text') {
    const text = judgeText('header', String(header['text'] ?? ''), sent, named, wrong)
    if ([...text].length > 60) wrong.push('132005 header too long')
    return text
  }
  const [parameter, more] = parametersOf(sent)
  if (!parameter || more || parameter['type'] !== format) wrong.push(`132012 header ${format}`)
  const value = (parameter?.[format] ?? {}) as Json
  if (format === 'location') {
    for (const key of ['latitude', 'longitude', 'name', 'address'])
      if (typeof value[key] !== 'string' || value[key] === '') wrong.push(`location ${key}`)
  } else if (format === 'product') {
    if (!value['product_retailer_id'] || !value['catalog_id']) wrong.push('product')
  } else {
    if ((value['id'] === undefined) === (value['link'] === undefined)) wrong.push('media needs id or link')
    if (value['filename'] !== undefined && format !== 'document') wrong.push('filename on a picture')
    for (const key of Object.keys(value)) if (!['id', 'link', 'filename'].includes(key)) wrong.push(`media ${key}`)
  }
  return null
}

function judgeButtons(definition: Definition, buttons: Json[], sent: Json[], wrong: string[]): (string | null)[] {
  const parts = sent.filter(part => part['type'] === 'button')
  for (const part of parts) {
    if (!/^\d+$/.test(String(part['index'])) || !buttons[Number(part['index'])]) wrong.push(`button ${part['index']}`)
    if (parametersOf(part).length !== 1) wrong.push('button needs one parameter')
  }
  if (new Set(parts.map(part => part['index'])).size !== parts.length) wrong.push('button filled twice')
  return buttons.map((button, index) => {
    const part = parts.find(each => Number(each['index']) === index)
    const parameter = parametersOf(part)[0]
    const type = String(button['type']).toUpperCase()
    const subType = part?.['sub_type']
    const expect = (wanted: string, required: boolean) => {
      if (!part && required) wrong.push(`131008 button ${index} ${type}`)
      if (part && subType !== wanted) wrong.push(`132012 button ${index} is ${type}, not ${subType}`)
    }
    const code = definition.category === 'AUTHENTICATION' && (type === 'OTP' || type === 'URL')
    if (type === 'URL' || code) {
      const url = String(button['url'] ?? '')
      const open = url.includes('{{') || code
      expect('url', open)
      if (!open && part) wrong.push('static url filled')
      if (!open) return url
      const value = parameter?.['text']
      if (typeof value !== 'string' || value === '' || /\s/.test(value)) wrong.push(`url value ${String(value)}`)
      const whole = url.replace(/\{\{\w+\}\}/, () => String(value))
      if (whole.length > 2000) wrong.push('132005 url too long')
      if (code) {
        const inBody = parametersOf(sent.find(each => each['type'] === 'body'))[0]?.['text']
        if (value !== inBody) wrong.push('the code of button and body differ')
        if (String(value).length > 15) wrong.push('code too long')
      }
      return whole
    }
    if (type === 'COPY_CODE') {
      expect('copy_code', true)
      const value = parameter?.['coupon_code']
      if (parameter?.['type'] !== 'coupon_code' || typeof value !== 'string' || value === '' || [...value].length > 20)
        wrong.push('coupon')
    } else if (type === 'QUICK_REPLY') {
      expect('quick_reply', false)
      if (part && (parameter?.['type'] !== 'payload' || typeof parameter['payload'] !== 'string')) wrong.push('payload')
    } else if (type === 'FLOW') {
      expect('flow', true)
      if (!(parameter?.['action'] as Json | undefined)?.['flow_token']) wrong.push('flow token')
    } else if (type === 'CATALOG') {
      expect('catalog', false)
    } else if (type === 'MPM') {
      expect('mpm', true)
      const action = (parameter?.['action'] ?? {}) as Json
      const sections = (action['sections'] ?? []) as Json[]
      const items = sections.flatMap(section => section['product_items'] as Json[])
      if (!action['thumbnail_product_retailer_id'] || sections.length < 1 || sections.length > 10) wrong.push('mpm')
      if (items.length < 1 || items.length > 30 || items.some(item => !item['product_retailer_id'])) wrong.push('items')
    } else if (part) wrong.push(`button ${index} ${type} takes nothing`)
    return null
  })
}
