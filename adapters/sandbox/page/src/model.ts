// What the page shows, free of the wire: `read-phone` and `read-desk` make it from what the stand-ins answer.

export type DeliveryState = 'progress' | 'accepted' | 'sent' | 'delivered' | 'read' | 'played' | 'failed'

export interface PhoneMedia {
  url: string
  mime: string
  name?: string
  voice: boolean
  animated: boolean
  bytes?: number
}

export interface ChoiceButton {
  id: string
  label: string
  /** `reply` answers with the label; `list` opens the choices; anything else is shown but does nothing on this phone. */
  kind: 'reply' | 'quick' | 'list' | 'flow' | 'other'
  url?: string
}

export interface ChoiceSection {
  title: string
  rows: { id: string; title: string; description?: string }[]
}

export interface PhoneMessage {
  /** The wamid. */
  id: string
  at: number
  from: 'customer' | 'business'
  kind: string
  text: string
  media?: PhoneMedia
  place?: { name: string; address: string; latitude: number; longitude: number }
  cards: { name: string; phones: string[] }[]
  items: { name: string; quantity: number; price: string }[]
  header?: string
  footer?: string
  buttons: ChoiceButton[]
  choices: ChoiceSection[]
  /** Shown as a grey line in the middle instead of a bubble. */
  isNote: boolean
  quotedId?: string
  forwarded: boolean
  /** The advertisement the customer came from. */
  ad?: { headline: string; body: string }
  group?: string
  edited: boolean
  deleted: boolean
  reactions: { from: 'customer' | 'business'; emoji: string }[]
  state?: DeliveryState
  error?: string
}

export interface Customer {
  id: string
  name: string
  phone: string
  username?: string
}

export interface PhoneChat {
  customer: Customer
  /** The business number this chat is with. */
  numberId: string
  messages: PhoneMessage[]
  businessTyping: boolean
  /** False while the phone is switched off. */
  reachable: boolean
}

export interface BusinessNumber {
  id: string
  name: string
  phone: string
}

export interface DeskAttachment {
  kind: 'image' | 'video' | 'audio' | 'file'
  url: string
  name: string
  bytes?: number
}

export interface DeskMessage {
  id: number
  at: number
  kind: 'incoming' | 'outgoing' | 'activity' | 'template'
  private: boolean
  content: string
  state?: DeliveryState
  error?: string
  quotedId?: number
  deleted: boolean
  unsupported: boolean
  /** Chosen in the template picker. */
  isTemplate: boolean
  sender: string
  attachments: DeskAttachment[]
  sourceId?: string
}

export interface DeskTemplate {
  name: string
  language: string
  category: string
  header?: string
  body: string
  footer?: string
  buttons: string[]
}

export interface DeskConversation {
  id: number
  name: string
  phone: string
  inboxId: number
  inboxName: string
  status: 'open' | 'resolved' | 'pending' | 'snoozed'
  unread: number
  lastAt: number
  /** The sentence the desk shows when the reply window is closed; undefined = open. */
  windowClosed?: string
  messages: DeskMessage[]
  templates: DeskTemplate[]
}
