/** Meta's rules for `interactive` messages (contract §5): counts, lengths, which parts each kind may have. */
import { GraphError } from './errors.ts'
import type { Json } from './model.ts'
import { needCount, needList, needOneOf, needRecord, needText, needWebAddress, optionalText } from './require-field.ts'

const KINDS = [
  'button',
  'list',
  'cta_url',
  'flow',
  'location_request_message',
  'address_message',
  'carousel',
  'product',
  'product_list',
  'catalog_message',
  'request_contact_info',
  'call_permission_request',
  'voice_call'
] as const

/** Called for each media object (`{id}` or `{link}`) found on the way, with its type. */
export type MediaVisitor = (type: string, media: Json) => void

export function checkInteractive(interactive: Json, onMedia: MediaVisitor) {
  const kind = needOneOf(interactive, 'type', 'interactive.type', KINDS)
  const action = needRecord(interactive, 'action', 'interactive.action')
  const bodyMax = kind === 'list' ? 4096 : 1024
  if (kind !== 'product' || interactive['body'] !== undefined) {
    if (kind !== 'call_permission_request' || interactive['body'] !== undefined) {
      needText(needRecord(interactive, 'body', 'interactive.body'), 'text', 'Body text', bodyMax, 131009)
    }
  }
  if (interactive['footer'] !== undefined)
    needText(needRecord(interactive, 'footer'), 'text', 'Footer text', 60, 131009)
  if (interactive['header'] !== undefined) checkHeader(kind, needRecord(interactive, 'header'), onMedia)
  if (kind === 'carousel' && (interactive['header'] !== undefined || interactive['footer'] !== undefined)) {
    throw new GraphError(131009, 'Header and footer are not allowed for interactive type carousel.')
  }

  if (kind === 'button') checkButtons(needList(action, 'buttons', 'action.buttons'))
  else if (kind === 'list') checkList(action)
  else if (kind === 'cta_url') checkLink(action, 'action')
  else if (kind === 'flow') checkFlow(action)
  else if (kind === 'carousel') checkCarousel(needList(action, 'cards', 'action.cards'), onMedia)
  else if (kind === 'product') {
    needText(action, 'catalog_id', 'action.catalog_id', 100)
    needText(action, 'product_retailer_id', 'action.product_retailer_id', 200)
  } else if (kind === 'product_list') checkProducts(interactive, action)
  else {
    const names: Record<string, string> = { location_request_message: 'send_location' }
    const wanted = names[kind] ?? kind
    if (action['name'] !== wanted) throw new GraphError(100, `Param action.name must be '${wanted}'.`)
    if (kind === 'address_message')
      needText(needRecord(action, 'parameters', 'action.parameters'), 'country', 'country', 2)
  }
}

function checkHeader(kind: string, header: Json, onMedia: MediaVisitor) {
  const type = needOneOf(header, 'type', 'header.type', ['text', 'image', 'video', 'document'])
  if (kind !== 'button' && kind !== 'cta_url' && kind !== 'flow' && type !== 'text') {
    throw new GraphError(131009, `Header type ${type} is not allowed for interactive type ${kind}.`)
  }
  if (type === 'text') needText(header, 'text', 'Header text', 60, 131009)
  else onMedia(type, needRecord(header, type, `header.${type}`))
}

function checkButtons(buttons: Json[]) {
  needCount(buttons.length, 1, 3, 'Buttons')
  const ids = new Set<string>()
  const titles = new Set<string>()
  for (const button of buttons) {
    needOneOf(button, 'type', 'button.type', ['reply'])
    const reply = needRecord(button, 'reply', 'button.reply')
    ids.add(needText(reply, 'id', 'Button id', 256, 131009))
    titles.add(needText(reply, 'title', 'Button title', 20, 131009))
  }
  if (ids.size < buttons.length) throw new GraphError(131009, 'Duplicated button id.')
  if (titles.size < buttons.length) throw new GraphError(131009, 'Duplicated button title.')
}

function checkList(action: Json) {
  needText(action, 'button', 'Button label', 20, 131009)
  const sections = needList(action, 'sections', 'action.sections')
  needCount(sections.length, 1, 10, 'Sections')
  const ids = new Set<string>()
  let rows = 0
  for (const section of sections) {
    if (sections.length > 1) needText(section, 'title', 'Section title', 24, 131009)
    else optionalText(section, 'title', 'Section title', 24, 131009)
    for (const row of needList(section, 'rows', 'section.rows')) {
      rows++
      ids.add(needText(row, 'id', 'Row id', 200, 131009))
      needText(row, 'title', 'Row title', 24, 131009)
      if (row['description'] !== '') optionalText(row, 'description', 'Row description', 72, 131009)
    }
  }
  needCount(rows, 1, 10, 'Total row')
  if (ids.size < rows) throw new GraphError(131009, 'Duplicated row id.')
}

function checkLink(action: Json, path: string) {
  if (action['name'] !== 'cta_url') throw new GraphError(100, `Param ${path}.name must be 'cta_url'.`)
  const parameters = needRecord(action, 'parameters', `${path}.parameters`)
  needText(parameters, 'display_text', 'Display text', 20, 131009)
  needWebAddress(parameters['url'], 'Button url')
}

function checkFlow(action: Json) {
  if (action['name'] !== 'flow') throw new GraphError(100, "Param action.name must be 'flow'.")
  const parameters = needRecord(action, 'parameters', 'action.parameters')
  needText(parameters, 'flow_message_version', 'flow_message_version', 5)
  needText(parameters, 'flow_cta', 'flow_cta', 30, 131009)
  if (parameters['flow_id'] === undefined && parameters['flow_name'] === undefined) {
    throw new GraphError(131008, 'The parameter flow_id or flow_name is required.')
  }
}

function checkCarousel(cards: Json[], onMedia: MediaVisitor) {
  needCount(cards.length, 2, 10, 'Cards')
  const shapes = new Set<string>()
  for (const card of cards) {
    const type = needOneOf(card, 'type', 'card.type', ['cta_url', 'product'])
    const action = needRecord(card, 'action', 'card.action')
    if (type === 'product') {
      needText(action, 'product_retailer_id', 'product_retailer_id', 200)
      needText(action, 'catalog_id', 'catalog_id', 100)
      shapes.add('product')
      continue
    }
    const header = needRecord(card, 'header', 'card.header')
    const media = needOneOf(header, 'type', 'card.header.type', ['image', 'video'])
    onMedia(media, needRecord(header, media, `card.header.${media}`))
    if (card['body'] !== undefined) {
      const text = needText(needRecord(card, 'body'), 'text', 'Card body', 160, 131009)
      if (text.split('\n').length > 3) throw new GraphError(131009, 'Card body has more than 2 line breaks.')
    }
    if (action['buttons'] !== undefined) {
      for (const button of needList(action, 'buttons', 'card.action.buttons')) {
        needOneOf(button, 'type', 'button.type', ['quick_reply'])
        const reply = needRecord(button, 'quick_reply')
        needText(reply, 'id', 'Button id', 256, 131009)
        needText(reply, 'title', 'Button title', 20, 131009)
      }
      shapes.add(`quick:${media}`)
    } else {
      checkLink(action, 'card.action')
      shapes.add(`url:${media}`)
    }
  }
  if (shapes.size > 1) throw new GraphError(131009, 'All cards must have the same kind of header and buttons.')
}

function checkProducts(interactive: Json, action: Json) {
  if (interactive['header'] === undefined) throw new GraphError(131008, 'The parameter interactive.header is required.')
  needText(action, 'catalog_id', 'action.catalog_id', 100)
  const sections = needList(action, 'sections', 'action.sections')
  needCount(sections.length, 1, 10, 'Sections')
  let items = 0
  for (const section of sections) {
    if (sections.length > 1) needText(section, 'title', 'Section title', 24, 131009)
    items += needList(section, 'product_items', 'section.product_items').length
  }
  needCount(items, 1, 30, 'Product items')
}
