/** What each route takes and answers, as types; the pages call by them, the server handles by them. */
import type { z } from 'zod'
import type { ROUTES } from './routes.ts'

export type Routes = typeof ROUTES
export type RouteName = keyof Routes

type Part<N extends RouteName, K extends string, Side extends 'input' | 'output'> = Routes[N] extends {
  [key in K]: infer S extends z.ZodType
}
  ? Side extends 'input'
    ? z.input<S>
    : z.output<S>
  : undefined

/** What the caller gives, as the caller types it. */
export interface RouteCall<N extends RouteName> {
  params: Part<N, 'params', 'input'>
  query: Part<N, 'query', 'input'>
  body: Part<N, 'body', 'input'>
}
/** What the server works with. */
export interface RouteInput<N extends RouteName> {
  params: Part<N, 'params', 'output'>
  query: Part<N, 'query', 'output'>
  body: Part<N, 'body', 'output'>
  headers: Part<N, 'headers', 'output'>
}
export type RouteAnswer<N extends RouteName> = z.output<Routes[N]['answer']>
