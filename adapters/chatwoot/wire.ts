/**
 * Chatwoot's wire shapes by hand, since it publishes none: 4.13.0 to 4.17, as far as Puente meets them. Every example
 * in the test fixtures is checked against these types by the compiler.
 */
export type * from './wire-api.ts'
export type * from './wire-dashboard.ts'
export type * from './wire-hooks.ts'
export type * from './wire-parts.ts'
export type * from './wire-public.ts'
export type * from './wire-setup.ts'
