/**
 * Every route of `/api/v1` in one table: the server registers them from it, `openapi.json` describes them from it, and
 * the pages type their calls by it. Paths are below `{prefix}/api/v1`; `:name` marks a parameter.
 */
import type { z } from 'zod'
import * as admin from './admin.ts'
import * as pages from './admin-pages.ts'
import { conversationParams, idempotencyHeaders, messageParams, ok, sendInfo } from './common.ts'
import * as conversation from './conversation.ts'
import * as hooks from './hooks.ts'
import * as media from './media.ts'
import * as message from './message.ts'
import * as session from './session.ts'
import * as start from './start.ts'
import * as template from './template.ts'

export type * from './route-types.ts'

/**
 * Who may call: nobody known yet · an agent's session · an administrator's session · the same or who came by a link of
 * `puente admin-link` · an API key.
 */
export type Caller = 'anyone' | 'agent' | 'admin' | 'overseer' | 'key'

interface RouteShape {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  path: string
  caller: Caller
  about: string
  params?: z.ZodType
  query?: z.ZodType
  headers?: z.ZodType
  /** JSON, unless `rawBody`. */
  body?: z.ZodType
  rawBody?: true
  answer: z.ZodType
  /** 200 unless said otherwise. */
  status?: 200 | 201 | 202
}

const table = <T extends Record<string, RouteShape>>(routes: T): T => routes

export const ROUTES = table({
  // Signing in
  signInWays: {
    method: 'GET',
    path: '/sign-in',
    caller: 'anyone',
    about: 'Which ways of signing in this page can use',
    query: session.signInQuery,
    answer: session.signInWays
  },
  signInByDesk: {
    method: 'POST',
    path: '/sessions/desk',
    caller: 'anyone',
    about: 'Signs in with the session of the desk, which the desk validates',
    body: session.signInByDesk,
    answer: session.signedIn
  },
  startPairing: {
    method: 'POST',
    path: '/sessions/pairing',
    caller: 'anyone',
    about: 'Asks for a code that the agent writes as a private note',
    body: session.startPairing,
    answer: session.pairingStarted,
    status: 201
  },
  askPairing: {
    method: 'POST',
    path: '/sessions/pairing/:pairingId',
    caller: 'anyone',
    about: 'Whether the note was written; hands the session out once',
    params: session.pairingParams,
    body: session.askPairing,
    answer: session.pairingState
  },
  openHandover: {
    method: 'POST',
    path: '/sessions/handovers',
    caller: 'agent',
    about: 'A one-time ticket that signs another window of the same agent in, for as long as this session lasts',
    answer: session.handover,
    status: 201
  },
  takeHandover: {
    method: 'POST',
    path: '/sessions/handed-over',
    caller: 'anyone',
    about: 'Signs in with such a ticket',
    body: session.takeHandover,
    answer: session.signedIn
  },
  readSession: {
    method: 'GET',
    path: '/sessions/current',
    caller: 'agent',
    about: 'Who is signed in',
    answer: session.sessionInfo
  },
  endSession: {
    method: 'DELETE',
    path: '/sessions/current',
    caller: 'agent',
    about: 'Signs out',
    answer: ok
  },

  // A conversation
  readConversation: {
    method: 'GET',
    path: '/conversations/:conversationId',
    caller: 'agent',
    about: 'The status of the session: window, what may be sent, what waits, the last failure',
    params: conversationParams,
    answer: conversation.conversationStatus
  },
  reopenConversation: {
    method: 'POST',
    path: '/conversations/:conversationId/reopen',
    caller: 'agent',
    about: 'Opens a resolved, pending or snoozed conversation in the desk',
    params: conversationParams,
    answer: conversation.conversationStatus
  },
  listMessages: {
    method: 'GET',
    path: '/conversations/:conversationId/messages',
    caller: 'agent',
    about: 'The newest messages with what became of them',
    params: conversationParams,
    query: message.messageQuery,
    answer: message.messageList
  },
  readMessage: {
    method: 'GET',
    path: '/conversations/:conversationId/messages/:messageId',
    caller: 'agent',
    about: 'Everything that is known of one message',
    params: messageParams,
    answer: message.messageDetails
  },
  sendMessage: {
    method: 'POST',
    path: '/conversations/:conversationId/messages',
    caller: 'agent',
    about: 'Sends a message of any kind; it stands once in the conversation',
    params: conversationParams,
    headers: idempotencyHeaders,
    body: message.sendRequest,
    answer: sendInfo,
    status: 202
  },
  recallMessage: {
    method: 'POST',
    path: '/conversations/:conversationId/messages/:messageId/recall',
    caller: 'agent',
    about: 'Takes a parked answer back before it leaves',
    params: messageParams,
    answer: conversation.conversationStatus
  },
  retryMessage: {
    method: 'POST',
    path: '/conversations/:conversationId/messages/:messageId/retry',
    caller: 'agent',
    about: 'Sends what failed once more, only the parts that failed',
    params: messageParams,
    answer: ok,
    status: 202
  },
  readSend: {
    method: 'GET',
    path: '/sends/:sendId',
    caller: 'agent',
    about: 'What became of something that was sent',
    params: start.sendParams,
    answer: sendInfo
  },

  // Templates
  listTemplates: {
    method: 'GET',
    path: '/templates',
    caller: 'agent',
    about: 'Templates of a number: favourites and recents first',
    query: template.templateQuery,
    answer: template.templateList
  },
  readTemplate: {
    method: 'GET',
    path: '/templates/:templateId',
    caller: 'agent',
    about: 'One template with its slots, filled as far as the context allows',
    params: template.templateParams,
    query: template.templateDetailQuery,
    answer: template.templateDetail
  },
  previewTemplate: {
    method: 'POST',
    path: '/templates/:templateId/preview',
    caller: 'agent',
    about: 'The filled template as the customer will see it, and what stands in the way',
    params: template.templateParams,
    body: template.previewRequest,
    answer: template.previewAnswer
  },
  favourTemplate: {
    method: 'PUT',
    path: '/templates/:templateId/favourite',
    caller: 'agent',
    about: 'Puts a template among the favourites of this agent, or takes it out',
    params: template.templateParams,
    body: template.favouriteRequest,
    answer: ok
  },

  // Starting
  listNumbers: {
    method: 'GET',
    path: '/numbers',
    caller: 'agent',
    about: 'Numbers that the agent may send from, last used first',
    query: start.numberQuery,
    answer: start.numberList
  },
  findContacts: {
    method: 'GET',
    path: '/contacts',
    caller: 'agent',
    about: 'Contacts of the desk by name, phone or e-mail',
    query: start.contactQuery,
    answer: start.contactList
  },
  findOpenConversation: {
    method: 'GET',
    path: '/conversations',
    caller: 'agent',
    about: 'Whether a conversation with this customer is open',
    query: start.openQuery,
    answer: start.openConversation
  },
  startConversation: {
    method: 'POST',
    path: '/conversations',
    caller: 'agent',
    about: 'Opens a conversation in the desk and on WhatsApp',
    headers: idempotencyHeaders,
    body: start.startRequest,
    answer: sendInfo,
    status: 202
  },

  // Files
  upload: {
    method: 'POST',
    path: '/uploads',
    caller: 'agent',
    about: 'Takes the bytes of a file',
    query: media.uploadQuery,
    rawBody: true,
    answer: media.uploadInfo,
    status: 201
  },
  uploadFromLink: {
    method: 'POST',
    path: '/uploads/links',
    caller: 'agent',
    about: 'Fetches a file from a public address and keeps it like an upload',
    body: media.linkedUpload,
    answer: media.uploadInfo,
    status: 201
  },
  listLibrary: {
    method: 'GET',
    path: '/library',
    caller: 'agent',
    about: 'Documents, videos and links that are kept for agents',
    query: media.libraryQuery,
    answer: media.libraryList
  },
  addToLibrary: {
    method: 'POST',
    path: '/library',
    caller: 'agent',
    about: 'Keeps an upload or a link',
    body: media.libraryAdd,
    answer: media.libraryItem,
    status: 201
  },
  removeFromLibrary: {
    method: 'DELETE',
    path: '/library/:itemId',
    caller: 'agent',
    about: 'Takes an item out of the library',
    params: media.libraryParams,
    answer: ok
  },

  // For scripts
  sendByKey: {
    method: 'POST',
    path: '/messages',
    caller: 'key',
    about: 'Sends a message, and opens the conversation where none is open',
    headers: idempotencyHeaders,
    body: start.apiMessage,
    answer: sendInfo,
    status: 202
  },
  listSendsByKey: {
    method: 'GET',
    path: '/messages',
    caller: 'key',
    about: 'Messages by external reference, the newest first',
    query: start.sendQuery,
    answer: start.sendList
  },
  readSendByKey: {
    method: 'GET',
    path: '/messages/:sendId',
    caller: 'key',
    about: 'What became of a message',
    params: start.sendParams,
    answer: sendInfo
  },

  // For administrators
  listApiKeys: {
    method: 'GET',
    path: '/api-keys',
    caller: 'admin',
    about: 'API keys of this account',
    answer: admin.apiKeyList
  },
  createApiKey: {
    method: 'POST',
    path: '/api-keys',
    caller: 'admin',
    about: 'Makes an API key; it is shown once',
    body: admin.apiKeyCreate,
    answer: admin.apiKeyCreated,
    status: 201
  },
  revokeApiKey: {
    method: 'DELETE',
    path: '/api-keys/:id',
    caller: 'admin',
    about: 'Ends an API key',
    params: admin.idParams,
    answer: ok
  },
  listMacroHooks: {
    method: 'GET',
    path: '/hooks',
    caller: 'overseer',
    about: 'Hooks for macros and automations',
    answer: hooks.macroHookList
  },
  listHookTemplates: {
    method: 'GET',
    path: '/hooks/templates',
    caller: 'overseer',
    about: 'Templates of a number, and what a hook can fill them with',
    query: hooks.hookTemplateQuery,
    answer: hooks.hookTemplateList
  },
  createMacroHook: {
    method: 'POST',
    path: '/hooks',
    caller: 'overseer',
    about: 'Makes a hook that sends one template; its address is shown once',
    body: hooks.macroHookCreate,
    answer: hooks.macroHookCreated,
    status: 201
  },
  revokeMacroHook: {
    method: 'DELETE',
    path: '/hooks/:id',
    caller: 'overseer',
    about: 'Ends a hook',
    params: admin.idParams,
    answer: ok
  },

  // The admin pages
  openAdminTicket: {
    method: 'POST',
    path: '/admin/tickets',
    caller: 'admin',
    about: 'A ticket that opens the admin pages once, for windows that do not share this session',
    answer: pages.adminTicket,
    status: 201
  },
  signInByTicket: {
    method: 'POST',
    path: '/sessions/ticket',
    caller: 'anyone',
    about: 'Takes a ticket for a session of the admin pages',
    body: pages.ticketSignIn,
    answer: pages.ticketSignedIn
  },
  endOversight: {
    method: 'DELETE',
    path: '/admin/session',
    caller: 'overseer',
    about: 'Signs out of the admin pages',
    answer: ok
  },
  readOverview: {
    method: 'GET',
    path: '/admin/overview',
    caller: 'overseer',
    about: 'Whether anything needs a person, the numbers, and what is set aside',
    answer: pages.overview
  },
  replayAside: {
    method: 'POST',
    path: '/admin/replay',
    caller: 'overseer',
    about: 'Takes set-aside items up again',
    body: pages.replayRequest,
    answer: pages.replayed
  }
})
