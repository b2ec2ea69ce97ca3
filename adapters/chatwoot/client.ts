/**
 * The help desk port on Chatwoot's API, 4.13.0 and later. One instance serves every desk: the access comes with each
 * call. Setting up inboxes is `setup.ts`; reading hooks is `from-wire.ts`.
 */
import type { HelpDesk } from '../../plugin/core/ports/help-desk.ts'
import type { HttpClient } from '../http/types.ts'
import { createCaller } from './call.ts'
import { createContactCalls } from './contacts.ts'
import { createConversationCalls } from './conversations.ts'
import { createMessageCalls } from './messages.ts'
import { createOpenFile, type FileAccessOptions } from './open-file.ts'

/** Longer than Chatwoot's own database time-out (14 s), so that its answer usually wins (contract/chatwoot §9). */
export const DESK_TIMEOUT_MS = 15_000

export interface ChatwootDeskOptions extends FileAccessOptions {
  http: HttpClient
  /** Per call; uploads get more, by their size. */
  timeoutMs?: number
}

/** `close` also closes the HTTP client. */
export function createChatwootDesk({ http, timeoutMs = DESK_TIMEOUT_MS, mediaOrigins }: ChatwootDeskOptions): HelpDesk {
  const caller = createCaller(http, timeoutMs)
  return {
    ...createContactCalls(caller),
    ...createConversationCalls(caller),
    ...createMessageCalls(caller),
    openFile: createOpenFile(http, { mediaOrigins }),
    close: () => http.close()
  }
}
