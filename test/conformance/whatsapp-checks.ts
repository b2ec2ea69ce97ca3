/**
 * Assumptions about Meta's Graph API as far as calls that change nothing can show them: who a token is, what an account
 * and its numbers tell, how lists are paged, how errors look. Nothing is sent, written or subscribed.
 */

import type { HttpAnswer, HttpClient } from '../../adapters/http/types.ts'
import { createCloudChannel } from '../../adapters/whatsapp-cloud/client.ts'
import { createGraph, type GraphAccess } from '../../adapters/whatsapp-cloud/graph-call.ts'
import {
  debugToken,
  type ListedTemplate,
  listSubscribedApps,
  listTemplates,
  readNumberDetails
} from '../../adapters/whatsapp-cloud/management.ts'
import { createRateSource, pricingField } from '../../adapters/whatsapp-cloud/pricing.ts'
import { listNumbers, readAppSubscription, readWaba } from '../../adapters/whatsapp-cloud/subscriptions.ts'
import { PuenteError } from '../../plugin/core/errors.ts'
import { type Check, NotChecked } from './check.ts'

export interface WhatsAppGround {
  /** Refuses everything but GET. */
  http: HttpClient
  access: GraphAccess
  wabaId: string
  phoneNumberId: string | null
  app: { id: string; secret: string } | null
}

type WaCheck = Check<WhatsAppGround>

const DAY_MS = 86_400_000

/** An object that exists for nobody. */
const NOTHING = '1'

export const WHATSAPP_CHECKS: readonly WaCheck[] = [
  {
    id: 'WA-TOKEN',
    says: 'the token is taken from the header; a wrong one is refused with a code that says so',
    async play(t, { http, access, wabaId }) {
      const graph = createGraph({ http })
      t.equal((await readWaba(graph, access, wabaId)).id, wabaId)
      const error = await failure(readWaba(graph, { ...access, token: 'wrong', appSecret: undefined }, wabaId))
      t.match(error, { code: 'wa_token_invalid', remedy: 'reauthorise', facts: { metaCode: 190 } })
    }
  },
  {
    id: 'WA-PROOF',
    says: 'appsecret_proof is taken with each call, and a wrong one is refused',
    async play(t, { http, access, wabaId, app }) {
      const { secret } = needApp(app)
      const graph = createGraph({ http })
      t.equal((await readWaba(graph, { ...access, appSecret: secret }, wabaId)).id, wabaId)
      const wrong = await failure(readWaba(graph, { ...access, appSecret: `${secret}x` }, wabaId))
      t.equal(wrong.certainty, 'did_not_happen')
      t.not(wrong.code, 'wa_unreachable')
    }
  },
  {
    id: 'WA-WABA',
    says: 'the account tells its name, time zone and whether it may send',
    async play(t, { http, access, wabaId }) {
      const facts = await readWaba(createGraph({ http }), access, wabaId)
      t.ok(facts.name, 'name')
      t.match(facts.timeZoneId, /^\d+$/)
      if (facts.canSend !== undefined) t.match(facts.canSend, /^(AVAILABLE|LIMITED|BLOCKED)$/)
    }
  },
  {
    id: 'WA-UNKNOWN',
    says: 'an object that is not there, or not for this token, is an error with code 100 (sub-code 33) or a permission',
    async play(t, { http, access }) {
      const error = await failure(readWaba(createGraph({ http }), access, NOTHING))
      t.equal(error.certainty, 'did_not_happen')
      const { httpStatus, metaCode, metaSubcode } = error.facts
      const told = [httpStatus, metaCode, metaSubcode].join('/')
      t.ok(
        (metaCode === 100 && metaSubcode === 33) || metaCode === 10 || metaCode === 200,
        `a code that we know (${told})`
      )
    }
  },
  {
    id: 'WA-ERRORS',
    says: 'errors are JSON of one shape: message, type, code and a trace id',
    async play(t, { http, access }) {
      const { status, body } = await get(http, access, [NOTHING])
      t.ok(status >= 400 && status < 500, `a 4xx status (${status})`)
      const { error } = parse(body)
      t.match(error, { message: /./, type: /./, fbtrace_id: /./ })
      t.ok(Number.isInteger(error?.code), 'a number as code')
    }
  },
  {
    id: 'WA-NUMBERS',
    says: "the account's numbers are listed with ids and how they are shown",
    async play(t, { http, access, wabaId, phoneNumberId }) {
      const numbers = await listNumbers(createGraph({ http }), access, wabaId)
      t.ok(numbers.length > 0, 'a number')
      for (const { id, displayPhoneNumber } of numbers) {
        t.match(id, /^\d+$/)
        t.ok(/\d{3}/.test(displayPhoneNumber), 'a shown number')
      }
      if (phoneNumberId !== null)
        t.ok(
          numbers.some(({ id }) => id === phoneNumberId),
          'the number that was named'
        )
    }
  },
  {
    id: 'WA-NUMBER',
    says: 'a number tells its throughput, quality, standing and where its webhooks go, in the words that we know',
    async play(t, { http, access, phoneNumberId }) {
      const id = needNumber(phoneNumberId)
      const details = await readNumberDetails(createGraph({ http }), access, id)
      t.equal(details.id, id)
      t.ok(details.displayPhoneNumber, 'how it is shown')
      const known: [string | undefined, RegExp][] = [
        [details.codeVerificationStatus, /^(VERIFIED|NOT_VERIFIED|EXPIRED)$/],
        [details.platformType, /^(CLOUD_API|ON_PREMISE|NOT_APPLICABLE)$/],
        [details.canSend, /^(AVAILABLE|LIMITED|BLOCKED)$/]
      ]
      for (const [value, words] of known) if (value !== undefined) t.match(value, words)
      const raw = parse((await get(http, access, [id], { fields: NUMBER_FIELDS })).body)
      t.match(raw.throughput?.level, /^(STANDARD|HIGH|NOT_APPLICABLE)$/)
      t.match(raw.quality_rating, /^(GREEN|YELLOW|RED|UNKNOWN|NA)$/)
      t.match(raw.status, STATUSES)
      if (raw.is_on_biz_app !== undefined) t.equal(typeof raw.is_on_biz_app, 'boolean')
    }
  },
  {
    id: 'WA-NUMBER-CHANNEL',
    says: 'the facts that pace a number are read with one call',
    async play(t, { http, access, phoneNumberId }) {
      const channel = createCloudChannel({ http })
      const facts = await channel.readNumber({ ...access, phoneNumberId: needNumber(phoneNumberId) })
      t.ok(
        [20, 80, 1000].includes(facts.throughputPerSecond),
        `a pace that we know (${facts.throughputPerSecond} a second)`
      )
    }
  },
  {
    id: 'WA-TEMPLATES',
    says: 'templates are listed with everything that the mirror needs, in the words that we know',
    async play(t, { http, access, wabaId }) {
      const templates = await allTemplates(http, access, wabaId)
      if (templates.length === 0) throw new NotChecked('the account has no templates')
      const strange = new Set<string>()
      for (const { id, name, language, status, category, parameterFormat, components } of templates) {
        if (!/^\d+$/.test(id) || !/^[a-z0-9_]+$/.test(name) || !/^[a-z]{2,3}(_[A-Za-z]{2,4})?$/.test(language)) {
          strange.add('an id, name or language')
        }
        if (!TEMPLATE_STATUSES.test(status)) strange.add(`a 4xx status (${status})`)
        if (!/^(MARKETING|UTILITY|AUTHENTICATION)$/.test(category)) strange.add(`category ${category}`)
        if (!/^(POSITIONAL|NAMED)$/.test(parameterFormat ?? 'POSITIONAL')) strange.add(`format ${parameterFormat}`)
        for (const { type } of components) if (!COMPONENTS.test(String(type))) strange.add(`component ${String(type)}`)
      }
      t.same([...strange], [])
    }
  },
  {
    id: 'WA-TEMPLATE-PAGES',
    says: 'the list of templates is paged by cursor: nothing twice, nothing left out, no next on the last page',
    async play(t, { http, access, wabaId }) {
      const wanted = (await allTemplates(http, access, wabaId)).map(({ id }) => id)
      if (wanted.length < 2) throw new NotChecked('the account has fewer than two templates')
      // Small enough for several pages, large enough for few calls.
      const limit = Math.ceil(Math.min(wanted.length, 100) / 3)
      const seen: string[] = []
      let after: string | undefined
      let hasNext = true
      for (let page = 0; page < 4 && hasNext; page++) {
        const query = { fields: 'id', limit: String(limit), ...(after === undefined ? {} : { after }) }
        const answer = parse((await get(http, access, [wabaId, 'message_templates'], query)).body)
        seen.push(...(answer.data ?? []).map((row: { id: string }) => row.id))
        after = answer.paging?.cursors?.after
        hasNext = typeof answer.paging?.next === 'string'
      }
      t.equal(new Set(seen).size, seen.length, 'different ids')
      t.same(seen.slice(0, wanted.length), wanted.slice(0, seen.length), 'the same order')
      if (wanted.length <= 100) t.equal(hasNext, false, 'a next page after the last')
    }
  },
  {
    id: 'WA-TEMPLATE-NAME',
    says: 'templates are also found by their name',
    async play(t, { http, access, wabaId }) {
      const [first] = await allTemplates(http, access, wabaId)
      if (first === undefined) throw new NotChecked('the account has no templates')
      const found: ListedTemplate[] = []
      for await (const page of listTemplates(createGraph({ http }), access, wabaId, first.name)) found.push(...page)
      t.ok(
        found.some(({ id }) => id === first.id),
        'the one asked for'
      )
    }
  },
  {
    id: 'WA-SUBSCRIBED',
    says: 'the apps that get the webhooks of the account are listed with ids, and with an override where there is one',
    async play(t, { http, access, wabaId }) {
      const apps = await listSubscribedApps(createGraph({ http }), access, wabaId)
      const raw = parse((await get(http, access, [wabaId, 'subscribed_apps'])).body)
      t.equal(apps.length, raw.data?.length)
      for (const { id } of apps) t.match(id, /^\d+$/)
    }
  },
  {
    id: 'WA-DEBUG',
    says: 'what a token may do is told by debug_token: valid, its app, its scopes and for what',
    async play(t, { http, access, wabaId, app }) {
      const facts = await debugToken(createGraph({ http }), access, needApp(app))
      t.equal(facts.isValid, true)
      t.equal(facts.appId, app?.id)
      for (const scope of ['whatsapp_business_messaging', 'whatsapp_business_management']) {
        t.ok(facts.scopes.includes(scope), scope)
        const targets = facts.granularScopes.find(each => each.scope === scope)?.targetIds ?? []
        t.ok(targets.length === 0 || targets.includes(wabaId), `${scope} for this account`)
      }
      const other = await debugToken(createGraph({ http }), { ...access, token: 'wrong' }, needApp(app))
      t.equal(other.isValid, false, 'a wrong one')
    }
  },
  {
    id: 'WA-APP-SUBSCRIPTION',
    says: "the app's own webhook, where it has one, tells its address and fields",
    async play(t, { http, access, app }) {
      const subscription = await readAppSubscription(createGraph({ http }), access, needApp(app))
      if (subscription === null) throw new NotChecked('the app has no webhook of its own')
      t.match(subscription.callbackUrl, /^https?:\/\//)
      t.ok(subscription.fields.length > 0, 'fields')
    }
  },
  {
    id: 'WA-PROFILE',
    says: 'the business profile comes as a list of one, with the fields that were asked for',
    async play(t, { http, access, phoneNumberId }) {
      const path = [needNumber(phoneNumberId), 'whatsapp_business_profile']
      const { status, body } = await get(http, access, path, { fields: 'about,vertical,websites,profile_picture_url' })
      t.equal(status, 200)
      t.match(parse(body), { data: [{ messaging_product: 'whatsapp' }] })
    }
  },
  {
    id: 'WA-PRICES',
    says: "what messages cost is told by day, country, category and kind, with volume and cost in the account's currency",
    async play(t, { http, access, wabaId, phoneNumberId }) {
      const to = new Date(Math.floor(Date.now() / DAY_MS) * DAY_MS)
      const period = { from: new Date(to.getTime() - 30 * DAY_MS), to }
      const answer = await get(http, access, [wabaId], { fields: `id,currency,${pricingField(period)}` })
      t.equal(answer.status, 200)
      const raw = parse(answer.body)
      t.match(raw.currency, /^[A-Z]{3}$/)
      // biome-ignore lint/suspicious/noExplicitAny: answers are looked into, not trusted
      const points = (raw.pricing_analytics?.data ?? []).flatMap((group: any) => group.data_points ?? [])
      if (points.length === 0) throw new NotChecked('nothing was delivered in the last 30 days')
      const strange = new Set<string>()
      for (const point of points) {
        if (!/^[A-Z]{2}$/.test(point.country)) strange.add('a country')
        if (!/^[A-Z_]+$/.test(point.pricing_category)) strange.add(`category ${point.pricing_category}`)
        if (!/^(REGULAR|FREE_[A-Z_]+)$/.test(point.pricing_type)) strange.add(`kind ${point.pricing_type}`)
        if (!Number.isInteger(point.volume) || typeof point.cost !== 'number') strange.add('a volume or cost')
        if (point.end - point.start !== DAY_MS / 1000) strange.add('a point that is not one day')
      }
      t.same([...strange], [])
      const rates = await createRateSource({ http }).read(
        { ...access, phoneNumberId: phoneNumberId ?? '' },
        wabaId,
        period
      )
      t.ok(
        rates.every(rate => rate.currency === raw.currency && rate.amountPerMessage > 0),
        'amounts'
      )
    }
  },
  {
    id: 'WA-USAGE',
    says: "what is used of the limits comes in a header, as JSON by account, with minutes until it's free again",
    without: 'Retry-After is heeded, or our own growing pauses',
    async play(t, { http, access, wabaId }) {
      const { headers } = await get(http, access, [wabaId, 'message_templates'], { limit: '1' })
      const header = headers['x-business-use-case-usage']
      if (header === undefined) throw new NotChecked('Graph sent no such header')
      const uses = Object.values(JSON.parse(String(header))).flat() as { estimated_time_to_regain_access?: unknown }[]
      t.ok(
        uses.every(use => typeof use.estimated_time_to_regain_access === 'number'),
        'minutes'
      )
    }
  }
]

const NUMBER_FIELDS = 'id,throughput,quality_rating,status,is_on_biz_app'
const STATUSES =
  /^(CONNECTED|DISCONNECTED|PENDING|FLAGGED|RESTRICTED|RATE_LIMITED|BANNED|DELETED|MIGRATED|UNVERIFIED|UNKNOWN)$/
const TEMPLATE_STATUSES =
  /^(APPROVED|PENDING|REJECTED|PAUSED|DISABLED|IN_APPEAL|PENDING_DELETION|DELETED|LIMIT_EXCEEDED|ARCHIVED|FLAGGED|REINSTATED)$/
const COMPONENTS = /^(HEADER|BODY|FOOTER|BUTTONS|CAROUSEL|LIMITED_TIME_OFFER|CALL_PERMISSION_REQUEST|LIST|PRODUCT)$/

async function allTemplates(http: HttpClient, access: GraphAccess, wabaId: string): Promise<ListedTemplate[]> {
  const templates: ListedTemplate[] = []
  for await (const page of listTemplates(createGraph({ http }), access, wabaId)) templates.push(...page)
  return templates
}

function get(
  http: HttpClient,
  access: GraphAccess,
  path: string[],
  query: Record<string, string> = {}
): Promise<HttpAnswer> {
  const address = `${access.graphUrl}/${[access.graphVersion, ...path].map(encodeURIComponent).join('/')}`
  return http.request({
    method: 'GET',
    url: `${address}?${new URLSearchParams(query)}`,
    headers: { authorization: `Bearer ${access.token}`, accept: 'application/json' },
    timeoutMs: 20_000
  })
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into, not trusted
function parse(body: Buffer): any {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    throw new Error('the answer is no JSON')
  }
}

async function failure(promise: Promise<unknown>): Promise<PuenteError> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    error => error
  )
  if (error instanceof PuenteError) return error
  throw error
}

function needApp(app: { id: string; secret: string } | null) {
  if (app === null) throw new NotChecked('may be asked only in the name of the app (--app-id, --app-secret)')
  return app
}

function needNumber(phoneNumberId: string | null): string {
  if (phoneNumberId === null) throw new NotChecked('the account has no number')
  return phoneNumberId
}
