/** What all management calls share: the call itself, the choice of fields, the handshake before a callback is taken. */
import { GraphError } from './errors.ts'
import type { Json } from './model.ts'
import type { World } from './world.ts'

export interface ManageCall {
  method: string
  /** Path without version, split. */
  path: string[]
  query: URLSearchParams
  body: Json
  /** Asked with the app's own token, not a person's. */
  asApp?: boolean
}

/** Keeps only the fields asked for (nested braces and parameters are ignored); `id` always stays. */
export function pickFields(object: Json, fields: string | null, defaults: string[]): Json {
  const wanted = fields
    ? fields
        .replace(/\{[^}]*\}|\([^)]*\)/g, '')
        .split(',')
        .map(one => one.trim().split('.')[0]!)
    : defaults
  const picked: Json = {}
  for (const key of wanted) if (object[key] !== undefined) picked[key] = object[key]
  picked['id'] = object['id']
  return picked
}

/** Throws 2200 when the callback does not answer the handshake. */
export async function needHandshake(world: World, uri: string, verifyToken: string) {
  const fault = await world.webhooks.shakeHands(uri, verifyToken)
  if (fault)
    throw new GraphError(2200, undefined, {
      message: `(#2200) Callback verification failed with the following errors: ${fault}`
    })
}
