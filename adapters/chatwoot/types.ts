/**
 * Public as `puente/chatwoot-types`: the shapes of Chatwoot's API, hooks and dashboard messages, for apps that talk to
 * a Chatwoot themselves. Types only.
 */
export type * from './wire.ts'
