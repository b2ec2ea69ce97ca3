// What the page knows: who looks, the last overview, the checks in work. Looks again by itself while it is in front.
import { computed, ref, shallowRef } from 'vue'
import type { AsideGroup, Overview } from '../../../plugin/http/contract/admin-pages.ts'
import { type Failing, isFailing, whenExpired } from '../link/api.ts'
import { type Entry, enter, leave } from './enter.ts'
import { ask, runChecks } from './link.ts'

export type Phase = 'loading' | 'ready' | 'expired' | 'offline' | 'failed' | Exclude<Entry, 'in'>

export const phase = ref<Phase>('loading')
export const overview = shallowRef<Overview>()
export const trouble = shallowRef<Failing>()
/** The last look failed: what is shown may be old. */
export const stale = ref(false)

export const checking = ref(false)
/** What is looked at now. */
export const checkingAt = ref('')
/** Why the last run did not end well: the server's sentence, or that the line broke. */
export const checkTrouble = ref<{ title: string } | 'cut'>()

/** Groups that are being tried again, by their key. */
export const trying = ref(new Set<string>())
export const taken = ref<number>()
export const replayTrouble = ref('')

const lookAgainMs = 20_000

export const keyOf = ({
  numberId,
  kind,
  outbound,
  code
}: Pick<AsideGroup, 'numberId' | 'kind' | 'outbound' | 'code'>) => `${numberId} ${kind} ${outbound} ${code}`

const check = computed(() => overview.value?.lastCheck ?? null)
export const lastCheck = shallowRef<Overview['lastCheck']>(null)
export const shownCheck = computed(() => {
  const [own, theirs] = [lastCheck.value, check.value]
  // Several processes may each remember another run.
  if (own === null || theirs === null) return own ?? theirs
  return Date.parse(own.at) >= Date.parse(theirs.at) ? own : theirs
})
export const fails = computed(() => shownCheck.value?.findings.filter(one => one.state === 'fail') ?? [])

function showTrouble(error: unknown): void {
  const failing = isFailing(error) ? error : undefined
  trouble.value = failing
  if (failing?.kind === 'expired') phase.value = 'expired'
  else if (failing?.status === 403) phase.value = 'forbidden'
  else if (overview.value !== undefined && phase.value === 'ready') stale.value = true
  else phase.value = failing?.kind === 'offline' ? 'offline' : 'failed'
}

export async function look(): Promise<void> {
  try {
    overview.value = await ask('readOverview')
    stale.value = false
    phase.value = 'ready'
  } catch (error) {
    showTrouble(error)
  }
}

export async function begin(): Promise<void> {
  phase.value = 'loading'
  try {
    const entry = await enter()
    if (entry === 'in') await look()
    else phase.value = entry
  } catch (error) {
    showTrouble(error)
  }
}

export function signOut(): void {
  leave(true)
  overview.value = undefined
  lastCheck.value = null
  phase.value = 'nobody'
}

export async function runAllChecks(): Promise<void> {
  if (checking.value) return
  checking.value = true
  checkingAt.value = ''
  checkTrouble.value = undefined
  try {
    const outcome = await runChecks(about => (checkingAt.value = about))
    if (outcome === 'cut' || 'title' in outcome) checkTrouble.value = outcome
    else lastCheck.value = outcome.found
    await look()
  } catch (error) {
    const failing = isFailing(error) ? error : undefined
    if (failing?.kind === 'expired') showTrouble(error)
    else checkTrouble.value = failing?.problem ? { title: failing.problem.title } : 'cut'
  } finally {
    checking.value = false
  }
}

/** @param failed what to say where the server says nothing */
export async function tryAgain(groups: readonly AsideGroup[], failed: string): Promise<void> {
  const keys = groups.map(keyOf)
  trying.value = new Set([...trying.value, ...keys])
  taken.value = undefined
  replayTrouble.value = ''
  try {
    const choices = groups.map(({ numberId, kind, outbound, code }) => ({ numberId, kind, outbound, code }))
    taken.value = (await ask('replayAside', { groups: choices })).taken
    await look()
  } catch (error) {
    const failing = isFailing(error) ? error : undefined
    if (failing?.kind === 'expired') showTrouble(error)
    else replayTrouble.value = failing?.problem?.title ?? failed
  } finally {
    trying.value = new Set([...trying.value].filter(key => !keys.includes(key)))
  }
}

/** The answer stops. */
export function keepLooking(): () => void {
  whenExpired(() => {
    leave(false)
    phase.value = 'expired'
  })
  const timer = window.setInterval(() => {
    if (phase.value === 'ready' && !document.hidden) look()
  }, lookAgainMs)
  const onFront = (): void => {
    if (phase.value === 'ready' && !document.hidden) look()
  }
  // Another one-time link in the same tab changes the fragment only.
  const onFragment = (): void => {
    if (window.location.hash.includes('ticket=')) begin()
  }
  document.addEventListener('visibilitychange', onFront)
  window.addEventListener('hashchange', onFragment)
  return () => {
    window.clearInterval(timer)
    document.removeEventListener('visibilitychange', onFront)
    window.removeEventListener('hashchange', onFragment)
  }
}
