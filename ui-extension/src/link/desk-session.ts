// The desk's own sign-in, as its dashboard keeps it in the cookie `cw_d_session_info` (readable on the same host, any
// port). It is handed to Puente with each request and kept nowhere by this page.
import type { DeskSession } from '../../../plugin/http/contract/session.ts'

export function readDeskSession(cookies: string): DeskSession | null {
  const found = /(?:^|;\s*)cw_d_session_info=([^;]*)/.exec(cookies)
  if (!found) return null
  try {
    const held = JSON.parse(decodeURIComponent(found[1] ?? '')) as Record<string, unknown>
    const session = { 'access-token': held['access-token'], client: held['client'], uid: held['uid'] }
    const complete = Object.values(session).every(value => typeof value === 'string' && value !== '')
    return complete ? (session as DeskSession) : null
  } catch {
    return null
  }
}

/** As the header `x-desk-session` wants it: base64url of the JSON. */
export function packDeskSession(session: DeskSession): string {
  const bytes = new TextEncoder().encode(JSON.stringify(session))
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
}
