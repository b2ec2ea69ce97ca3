/** A desk client against nock: what the Chatwoot adapter's tests share. */
import { readFileSync } from 'node:fs'
import nock from 'nock'
import t, { type Test } from 'tap'
import { createHttpClient } from '../../adapters/http/client.ts'
import { PuenteError } from '../../plugin/core/errors.ts'

export const ORIGIN = 'https://desk.example.test'
export const BASE = '/api/v1/accounts/3'
export const SOURCE = '0b8f5b0e-5a7e-4d36-9a55-2f6a4a1c7e90'
export const access = { url: ORIGIN, accountId: 3, token: 'service-token' }
export const http = createHttpClient()

nock.disableNetConnect()
t.teardown(() => {
  http.close()
  nock.enableNetConnect()
  nock.restore()
})

/** A test in which every expected call is made, and no other. */
export function scenario(name: string, play: (t: Test) => Promise<void>): void {
  t.test(name, async t => {
    await play(t)
    t.same(nock.pendingMocks(), [], 'every expected call was made')
    nock.cleanAll()
  })
}

/** A fixture of Chatwoot, by its name without `.json`. */
export function example(name: string) {
  return JSON.parse(readFileSync(new URL(`../fixtures/chatwoot/${name}.json`, import.meta.url), 'utf8'))
}

/** Expects calls that carry the token as they must. */
export function api() {
  return nock(ORIGIN, { reqheaders: { 'api-access-token': access.token, accept: 'application/json' } })
}

export async function failure(promise: Promise<unknown>): Promise<PuenteError> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    error => error
  )
  if (error instanceof PuenteError) return error
  throw error
}
