// What can be composed here and not in the desk's own editor, in the order of the tiles.
import type { SendKind } from '../../../plugin/http/contract/conversation.ts'
import type { IconName } from '../parts/icon-paths.ts'

export const kinds = [
  { kind: 'buttons', icon: 'button' },
  { kind: 'list', icon: 'list' },
  { kind: 'url_button', icon: 'out' },
  { kind: 'location', icon: 'pin' },
  { kind: 'location_request', icon: 'search' },
  { kind: 'contacts', icon: 'contact' },
  { kind: 'voice', icon: 'mic' },
  { kind: 'sticker', icon: 'sticker' },
  { kind: 'reaction', icon: 'smile' }
] as const satisfies readonly { kind: SendKind; icon: IconName }[]

export type ComposeKind = (typeof kinds)[number]['kind']
