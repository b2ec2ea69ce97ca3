/** The steps at Meta, and what is stored between: number, subscription, callback, readings. */
import { setTimeout as sleep } from 'node:timers/promises'
import { setNumberWebhook, subscribeApp } from '../../adapters/whatsapp-cloud/management.ts'
import { nameTimeZone } from '../../adapters/whatsapp-cloud/time-zones.ts'
import { attempt, valueOr } from '../checks/read.ts'
import { PuenteError } from '../core/errors.ts'
import { hookUrl } from './survey.ts'
import { noteMade, type Step, type Work } from './work.ts'

const HEAR_MS = 15_000
const HEAR_EVERY_MS = 300
/** Meta's code for a callback that does not answer the handshake. */
const CALLBACK_FAILED = 2200

/** Desk and number in our database, secrets sealed. Running processes take them up by themselves. */
export const storeStep: Step = {
  id: 'store',
  async run(work) {
    const { ground, survey, deps, inbox } = work
    const { whatsapp, policy } = ground.plan
    const facts = survey.whatsapp.number
    if (!facts.ok) throw facts.error
    const { profile, version } = survey.desk
    if (survey.movedFrom !== null) await deps.numbers.moveDesk(survey.known!.deskId, ground.desk.url)
    const desk = await deps.numbers.saveDesk({ ...ground.desk, sandbox: deps.sandbox === true })
    if (profile.ok) {
      const role = profile.value.administrator ? 'administrator' : 'agent'
      await deps.numbers.saveDeskFacts(desk.id, { version: valueOr(version, null), role })
    }
    work.number = await deps.numbers.saveNumber({
      deskId: desk.id,
      phoneNumberId: whatsapp.phoneNumberId,
      wabaId: whatsapp.wabaId,
      appId: survey.appId,
      displayPhoneNumber: facts.value.displayPhoneNumber,
      verifiedName: facts.value.verifiedName ?? null,
      inboxId: inbox.id,
      inboxKey: work.inboxKey,
      hookSecret: inbox.secret,
      token: whatsapp.token,
      appSecrets: whatsapp.appSecrets,
      verifyToken: work.verifyToken,
      graphUrl: ground.graphAccess.graphUrl,
      graphVersion: ground.graphAccess.graphVersion,
      policy: policy ?? survey.known?.policy ?? {},
      locale: survey.locale,
      throughputPerSecond: facts.value.throughputPerSecond,
      sandbox: deps.sandbox === true
    })
    const way = [desk.id, inbox.id, hookUrl(ground.base, work.inboxKey), ground.callbackUrl]
    await deps.connections.proveFor(work.number.id, way.join(' '))
    const known = await deps.connections.find(whatsapp.phoneNumberId)
    work.made = { ...known?.made }
    work.deskMade = { ...known?.deskMade }
    // Somebody began to disconnect it and did not come to the end: it stays after all.
    if (work.made['leaving'] !== undefined) await noteMade(work, { leaving: null })
    await deps.onSaved?.()
    return survey.known?.connected === true ? null : `number stored, tokens sealed (…${work.number.tokenHint})`
  }
}

/** Time zone, quality and limits, as Meta tells them now; who asks Meta every minute would be slowed down. */
export const readingsStep: Step = {
  id: 'readings',
  async run(work) {
    const number = valueOr(work.survey.whatsapp.number, null)
    const timeZoneId = valueOr(work.survey.whatsapp.waba, null)?.timeZoneId ?? null
    await work.deps.connections.saveReadings(work.number.id, {
      timeZoneId,
      timeZone: nameTimeZone(timeZoneId),
      quality: number?.quality ?? null,
      messagingLimit: number?.messagingLimit ?? null,
      onBusinessApp: number?.isOnBusinessApp ?? false,
      status: number?.status ?? null,
      canSend: number?.canSend ?? null,
      healthCodes: number?.healthCodes ?? [],
      accountEvents: work.accountEvents
    })
    return null
  }
}

/** Puts our app on the list of those that get the account's webhooks. */
export const subscribeStep: Step = {
  id: 'subscribe',
  async run(work) {
    const { ground, survey, made } = work
    const { apps } = survey.whatsapp
    // Without the app's id any app in the list may be ours; what cannot be read is as we left it.
    const isOurs = (app: { id: string }): boolean => app.id === survey.appId
    const noted = made['subscribed'] === true
    const listed = !apps.ok ? noted : survey.appId === null ? noted && apps.value.length > 0 : apps.value.some(isOurs)
    // The call without a body would clear an override of the whole account.
    if (listed) {
      if (made['subscribed'] === 'begun') await noteMade(work, { subscribed: true })
      return null
    }
    await noteMade(work, { subscribed: 'begun' })
    await subscribeApp(ground.graph, ground.graphAccess, ground.plan.whatsapp.wabaId)
    await noteMade(work, { subscribed: true })
    return 'the WhatsApp account sends its webhooks to the app'
  }
}

/** Sends the number's webhooks here. Meta asks the address at once, so the running Puente must know the number. */
export const callbackStep: Step = {
  id: 'callback',
  async run(work) {
    const { ground, survey } = work
    const routing = valueOr(survey.whatsapp.number, null)?.webhooks
    if (routing?.number === ground.callbackUrl) {
      if (work.made['callback'] !== ground.callbackUrl) await noteMade(work, { callback: ground.callbackUrl })
      return null
    }
    await waitUntilKnown(work)
    await noteMade(work, { callback: ground.callbackUrl })
    const callback = { callbackUrl: ground.callbackUrl, verifyToken: work.verifyToken }
    const { phoneNumberId } = ground.plan.whatsapp
    const set = await attempt(() => setNumberWebhook(ground.graph, ground.graphAccess, phoneNumberId, callback))
    if (!set.ok) throw set.error.facts['metaCode'] === CALLBACK_FAILED ? cannotReach(ground.callbackUrl) : set.error
    return `webhooks of the number come to ${ground.callbackUrl}`
  }
}

/** Asks what Meta will ask: a running Puente reads its numbers every three seconds. */
async function waitUntilKnown({ ground, verifyToken }: Work): Promise<void> {
  const challenge = '1158201444'
  const query = new URLSearchParams({
    'hub.mode': 'subscribe',
    'hub.challenge': challenge,
    'hub.verify_token': verifyToken
  })
  const url = `${ground.callbackUrl}?${query}`
  const end = performance.now() + HEAR_MS
  for (;;) {
    const answer = await attempt(() => ground.http.request({ method: 'GET', url, timeoutMs: 5_000 }))
    if (answer.ok && answer.value.status === 200 && answer.value.body.toString() === challenge) return
    if (performance.now() > end) break
    await sleep(HEAR_EVERY_MS)
  }
  const problems = `The Puente at ${ground.base} does not know the number. Start it with the same database and master key, then run connect again`
  throw new PuenteError('config_invalid', { facts: { problems } })
}

function cannotReach(url: string): PuenteError {
  const problems = `Meta does not reach ${url}. Open it to the internet with a valid certificate, then run connect again`
  return new PuenteError('config_invalid', { facts: { problems } })
}
