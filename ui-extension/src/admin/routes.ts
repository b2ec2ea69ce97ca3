// Where the calls of the admin page go; apart from the tab's, which must not grow for them. A test compares both with
// the server's table.
import type { RouteName } from '../../../plugin/http/contract/routes.ts'

export const adminRoutes = {
  signInByTicket: 'POST /sessions/ticket',
  endOversight: 'DELETE /admin/session',
  readOverview: 'GET /admin/overview',
  replayAside: 'POST /admin/replay',
  listMacroHooks: 'GET /hooks',
  listHookTemplates: 'GET /hooks/templates',
  createMacroHook: 'POST /hooks',
  revokeMacroHook: 'DELETE /hooks/:id'
} as const satisfies Partial<Record<RouteName, string>>

export type AdminRoute = keyof typeof adminRoutes
