/** What belongs to a WABA may be asked for with the token of any of its numbers. */
import { asPuenteError, type ErrorCode, type PuenteError } from './errors.ts'
import type { NumberAccess } from './ports/channel.ts'
import type { Registry, ServedNumber } from './registry.ts'

export function numbersByWaba(registry: Pick<Registry, 'numbers'>): Map<string, ServedNumber[]> {
  const byWaba = new Map<string, ServedNumber[]>()
  for (const number of registry.numbers()) {
    byWaba.set(number.wabaId, [...(byWaba.get(number.wabaId) ?? []), number])
  }
  return byWaba
}

/** Another number's token, with its app's secret, may do better. */
const OF_THE_TOKEN: ReadonlySet<ErrorCode> = new Set(['wa_token_invalid', 'wa_permission', 'wa_app_secret'])

/** The first token that may, does; any other failure than one of the token ends it. Fails with the last failure. */
export async function askWithAnyToken<T>(
  numbers: readonly ServedNumber[],
  ask: (access: NumberAccess) => Promise<T>
): Promise<T> {
  let failure: PuenteError | null = null
  const tried = new Set<string>()
  for (const number of numbers) {
    if (tried.has(number.access.token)) continue
    tried.add(number.access.token)
    try {
      return await ask(number.access)
    } catch (thrown) {
      failure = asPuenteError(thrown)
      if (!OF_THE_TOKEN.has(failure.code)) break
    }
  }
  throw failure ?? new Error('a WABA without numbers')
}
