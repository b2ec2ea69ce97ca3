// Where each call of the contract goes. The shapes are the contract's own types; a test compares these addresses with
// the server's table, which is not imported here since the schemas would travel along.
import type { RouteName } from '../../../plugin/http/contract/routes.ts'

export const routes = {
  signInWays: 'GET /sign-in',
  signInByDesk: 'POST /sessions/desk',
  startPairing: 'POST /sessions/pairing',
  askPairing: 'POST /sessions/pairing/:pairingId',
  openHandover: 'POST /sessions/handovers',
  takeHandover: 'POST /sessions/handed-over',
  endSession: 'DELETE /sessions/current',
  readConversation: 'GET /conversations/:conversationId',
  reopenConversation: 'POST /conversations/:conversationId/reopen',
  listMessages: 'GET /conversations/:conversationId/messages',
  readMessage: 'GET /conversations/:conversationId/messages/:messageId',
  sendMessage: 'POST /conversations/:conversationId/messages',
  recallMessage: 'POST /conversations/:conversationId/messages/:messageId/recall',
  retryMessage: 'POST /conversations/:conversationId/messages/:messageId/retry',
  readSend: 'GET /sends/:sendId',
  listTemplates: 'GET /templates',
  readTemplate: 'GET /templates/:templateId',
  previewTemplate: 'POST /templates/:templateId/preview',
  favourTemplate: 'PUT /templates/:templateId/favourite',
  listNumbers: 'GET /numbers',
  findContacts: 'GET /contacts',
  findOpenConversation: 'GET /conversations',
  startConversation: 'POST /conversations',
  upload: 'POST /uploads',
  uploadFromLink: 'POST /uploads/links',
  listLibrary: 'GET /library',
  addToLibrary: 'POST /library',
  removeFromLibrary: 'DELETE /library/:itemId'
} as const satisfies Partial<Record<RouteName, string>>

export type KnownRoute = keyof typeof routes
