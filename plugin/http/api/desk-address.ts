/**
 * How browsers reach the desks. Puente may know a desk by an inner address (`http://rails:3000`) while agents open it at
 * its public one, which is then among the configured origins. Pure over the registry.
 */
import type { DeskRecord } from '../../core/ports/store.ts'
import type { Registry } from '../../core/registry.ts'

export interface DeskAddresses {
  /** The served desk with this account that a frame is in; undefined when none fits, or more than one. */
  find(accountId: number, origin?: string | null): DeskRecord | undefined
  /** Without trailing slash. `origin`: where a browser says it has the desk; believed only where it may be this one's. */
  urlOf(desk: DeskRecord, origin?: string | null): string
}

const originOf = (url: string): string => new URL(url).origin
const only = <T>(found: T[]): T | undefined => (found.length === 1 ? found[0] : undefined)

/** `listed`: who may frame the pages, as configured; empty: nobody but the desks at the addresses that Puente uses. */
export function createDeskAddresses(registry: Registry, listed: readonly string[]): DeskAddresses {
  const published = listed.map(originOf)
  /** Agents cannot be at the address that Puente uses: it may not frame the pages. */
  const isInner = (desk: DeskRecord): boolean => published.length > 0 && !published.includes(originOf(desk.url))
  /** Listed, and no address by which Puente uses a desk. */
  const free = (): string[] => {
    const used = new Set(registry.desks().map(desk => originOf(desk.url)))
    return published.filter(origin => !used.has(origin))
  }

  const find: DeskAddresses['find'] = (accountId, origin) => {
    const served = new Set(registry.numbers().map(number => number.deskId))
    const fitting = registry.desks().filter(desk => desk.accountId === accountId && served.has(desk.id))
    if (!origin) return only(fitting)
    const asked = originOf(origin)
    const named = fitting.filter(desk => originOf(desk.url) === asked)
    if (named.length > 0) return only(named)
    return free().includes(asked) ? (only(fitting.filter(isInner)) ?? only(fitting)) : undefined
  }

  return {
    find,
    urlOf(desk, origin) {
      const asked = origin ? originOf(origin) : null
      if (asked !== null && free().includes(asked) && find(desk.accountId, asked)?.id === desk.id) return asked
      if (!isInner(desk)) return desk.url.replace(/\/+$/, '')
      // One desk behind an inner address: then the public one is told by the configuration alone.
      const inner = new Set(
        registry
          .desks()
          .filter(isInner)
          .map(each => originOf(each.url))
      )
      return (inner.size === 1 ? free()[0] : undefined) ?? desk.url.replace(/\/+$/, '')
    }
  }
}

/** Where a conversation lies in the desk, for a browser. `deskUrl`: as `urlOf` tells it. */
export function deskLink(deskUrl: string, accountId: number, conversationId: number): string {
  return `${deskUrl}/app/accounts/${accountId}/conversations/${conversationId}`
}
