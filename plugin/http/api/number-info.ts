/** A connected number as an agent sees it. */
import type { Agent } from '../../core/agents/access.ts'
import type { ServedNumber } from '../../core/registry.ts'
import { mendable } from '../../core/talk/mend.ts'
import type { Locale } from '../../core/texts/text.ts'
import type { NumberInfo } from '../contract/common.ts'
import type { ApiDeps } from './deps.ts'

export const QUALITIES = ['green', 'yellow', 'red'] as const

export async function describeNumber(
  deps: ApiDeps,
  agent: Agent,
  number: ServedNumber,
  locale: Locale
): Promise<NumberInfo> {
  const [used, told] = await Promise.all([
    deps.agents.numbersOf(agent.desk.id, agent.id),
    deps.talk.numberFacts(number.id)
  ])
  refreshCalling(deps, number)
  return {
    id: number.id,
    inboxId: number.inboxId,
    name: number.verifiedName ?? number.displayPhoneNumber,
    displayPhoneNumber: number.displayPhoneNumber,
    language: number.language,
    paused: number.pausedCode === null ? null : mendable(locale, number.pausedCode),
    quality: QUALITIES.find(name => name === told.quality?.toLowerCase()) ?? null,
    messagingLimit: limitOf(told.messagingLimit),
    lastUsedAt: used.get(number.id)?.toISOString() ?? null,
    callLink: told.calling === true ? callLinkOf(number) : null
  }
}

/** An admin switches calls on and off a few times in a number's life; nobody is in a hurry. */
const CALLING_OLD_MS = 10 * 60_000

/** Never waited for: what is known is shown, and the page hears of a change. */
function refreshCalling({ bridge, talk }: ApiDeps, number: ServedNumber): void {
  bridge.background(async () => {
    if (number.pausedCode !== null || !(await talk.claimCalling(number.id, CALLING_OLD_MS))) return
    await talk.keepCalling(number.id, await bridge.channel.readCalling(number.access))
  })
}

/** By which a customer calls the business (docs/decisions/0014-call-links.md). */
function callLinkOf(number: ServedNumber): string {
  return `https://wa.me/call/${number.displayPhoneNumber.replace(/\D/g, '')}`
}

/** Meta's tiers: TIER_250, TIER_2K, TIER_100K, TIER_UNLIMITED (contract/whatsapp §7). */
export function limitOf(tier: string | null): number | null {
  const match = /(\d+)(K?)$/i.exec(tier ?? '')
  return match === null ? null : Number(match[1]) * (match[2] === '' ? 1 : 1000)
}
