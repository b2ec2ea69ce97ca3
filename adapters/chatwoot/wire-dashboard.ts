/**
 * What Chatwoot's dashboard tells a dashboard app, as a JSON string by `postMessage` (contract/chatwoot §6). Anybody
 * can forge it: a hint about what is on the screen, never proof of who looks at it. Types only.
 */
import type { ConversationWire } from './wire-api.ts'
import type { ContactWire, MessagePushWire, MessageWire } from './wire-parts.ts'

/** Sent by the app to ask for the context again; compared exactly. */
export type FetchInfoWire = 'chatwoot-dashboard-app:fetch-info'

export interface CurrentAgentWire {
  id: number
  name: string
  email: string
}

type ShownConversationWire = Omit<ConversationWire, 'messages'> & {
  /** What is loaded in the browser, private notes included. */
  messages: readonly (MessageWire | MessagePushWire)[]
}

export interface AppContextWire {
  event: 'appContext'
  data: {
    conversation: ShownConversationWire & { allMessagesLoaded?: boolean; dataFetched?: boolean }
    contact: ContactWire | Record<string, never>
    currentAgent: CurrentAgentWire
  }
}

/** The mobile app puts all keys into snake_case. */
export interface MobileAppContextWire {
  event: 'appContext'
  data: {
    conversation: ShownConversationWire & { all_messages_loaded?: boolean; data_fetched?: boolean }
    contact: ContactWire | Record<string, never>
    current_agent: CurrentAgentWire
  }
}
