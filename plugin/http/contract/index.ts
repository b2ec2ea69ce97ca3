/**
 * The whole REST contract; the pages import their types from here (`ROUTES`, `RouteAnswer<'readConversation'>` …).
 * Outside the table: `GET /api/v1/conversations/:conversationId/events` (text/event-stream of `LiveEvent`; bearer
 * session, so read it with fetch), `GET /api/v1/messages/export` (streamed), `POST /api/v1/admin/checks` (text/event-stream of `CheckEvent`) and
 * `POST /api/v1/hooks/:secret` (macros and automations of the desk).
 */
export * from './admin.ts'
export * from './admin-pages.ts'
export * from './common.ts'
export * from './conversation.ts'
export * from './export.ts'
export * from './hooks.ts'
export * from './media.ts'
export * from './message.ts'
export * from './routes.ts'
export * from './session.ts'
export * from './start.ts'
export * from './template.ts'
