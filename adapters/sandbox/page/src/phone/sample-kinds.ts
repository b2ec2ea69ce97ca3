// What the phone's plus menu can send: one entry per kind of message a customer can write.
import type { MenuItem } from '../parts/drop-menu.vue'

export const sampleKinds: MenuItem[] = [
  { id: 'image', label: 'Picture', icon: 'image' },
  { id: 'video', label: 'Video', icon: 'video' },
  { id: 'voice', label: 'Voice note', icon: 'mic' },
  { id: 'document', label: 'Document', icon: 'file' },
  { id: 'sticker', label: 'Sticker', icon: 'sticker' },
  { id: 'sticker_animated', label: 'Animated sticker', icon: 'sticker' },
  { id: 'location', label: 'Location', icon: 'pin' },
  { id: 'contacts', label: 'Contact card', icon: 'contact' },
  { id: 'unsupported', label: 'Poll', icon: 'poll' },
  { id: 'order', label: 'Order', icon: 'cart' },
  { id: 'flow', label: 'Form answer', icon: 'form' },
  { id: 'list_reply', label: 'List reply', icon: 'list' },
  { id: 'button_reply', label: 'Button reply', icon: 'button' },
  { id: 'referral', label: 'Came from an ad', icon: 'megaphone' },
  { id: 'forwarded', label: 'Forwarded text', icon: 'forward' },
  { id: 'call', label: 'Call the business', icon: 'call' },
  { id: 'number_change', label: 'Change number', icon: 'swap' },
  { id: 'group', label: 'Group message', icon: 'group' }
]

export const reactionChoices: MenuItem[] = [
  { id: '👍', label: '👍' },
  { id: '❤️', label: '❤️' },
  { id: '😂', label: '😂' },
  { id: '😮', label: '😮' },
  { id: '😢', label: '😢' },
  { id: '🙏', label: '🙏' }
]
