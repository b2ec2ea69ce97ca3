/** Tells a deleted inbox from a deleted contact: Chatwoot answers both with the same 404 (CW-INBOX-GONE). */
import { PuenteError } from '../../plugin/core/errors.ts'
import type { DeskAccess } from '../../plugin/core/ports/help-desk.ts'
import type { DeskCaller } from './call.ts'

/** Throws `desk_inbox_gone` when `error` is a 404 and the inbox cannot be read either; otherwise does nothing. */
export async function failWhenInboxGone(
  caller: DeskCaller,
  access: DeskAccess,
  inboxId: number,
  error: unknown
): Promise<void> {
  if (!(error instanceof PuenteError) || error.code !== 'desk_not_found') return
  const answer = await caller.raw(access, { method: 'GET', path: `/inboxes/${inboxId}`, subject: 'inbox', reads: true })
  if (answer.status === 404) {
    throw new PuenteError('desk_inbox_gone', { cause: error, facts: { what: 'inbox', inboxId } })
  }
}
