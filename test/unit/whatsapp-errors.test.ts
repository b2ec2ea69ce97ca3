/** Meta's errors in Puente's words: every recorded one, unknown ones, Retry-After, and what may not be told. */
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { HttpFailure } from '../../adapters/http/types.ts'
import { META_ERROR_RANGES, META_ERRORS } from '../../adapters/whatsapp-cloud/error-table.ts'
import { fromHttpFailure, fromMetaFailure, toChannelError } from '../../adapters/whatsapp-cloud/errors.ts'
import { readFact } from '../../adapters/whatsapp-cloud/from-wire.ts'
import { ERROR_TABLE, PuenteError } from '../../plugin/core/errors.ts'

const DIR = new URL('../fixtures/whatsapp/', import.meta.url)
const read = (name: string) => JSON.parse(readFileSync(new URL(name, DIR), 'utf8'))

/** code, certainty, remedy, scope of every recorded answer. */
const ANSWERS: Record<string, [string, string, string, string]> = {
  'error-0-auth': ['wa_token_invalid', 'did_not_happen', 'reauthorise', 'number'],
  'error-1-unknown': ['wa_temporary', 'may_have_happened', 'retry', 'message'],
  'error-10-permission': ['wa_permission', 'did_not_happen', 'reauthorise', 'number'],
  'error-100-33-object-missing': ['wa_permission', 'did_not_happen', 'reauthorise', 'number'],
  'error-100-invalid-parameter': ['wa_invalid', 'did_not_happen', 'fix_message', 'message'],
  'error-130497-country': ['wa_country', 'did_not_happen', 'never', 'message'],
  'error-131005-access-denied': ['wa_permission', 'did_not_happen', 'reauthorise', 'number'],
  'error-131009-parameter-value': ['wa_invalid', 'did_not_happen', 'fix_message', 'message'],
  'error-131016-service-unavailable': ['wa_temporary', 'may_have_happened', 'retry', 'message'],
  'error-131021-same-number': ['wa_refused', 'did_not_happen', 'never', 'message'],
  'error-131026-undeliverable': ['wa_undeliverable', 'did_not_happen', 'never', 'message'],
  'error-131030-not-in-allowed-list': ['wa_refused', 'did_not_happen', 'fix_setup', 'message'],
  'error-131031-account-locked': ['wa_restricted', 'did_not_happen', 'wait', 'waba'],
  'error-131037-display-name': ['wa_restricted', 'did_not_happen', 'fix_setup', 'number'],
  'error-131042-payment': ['wa_payment', 'did_not_happen', 'fix_setup', 'waba'],
  'error-131045-certificate': ['wa_number_unregistered', 'did_not_happen', 'fix_setup', 'number'],
  'error-131047-window-closed': ['wa_window_closed', 'did_not_happen', 'wait', 'message'],
  'error-131051-unsupported-type': ['wa_invalid', 'did_not_happen', 'fix_message', 'message'],
  'error-131052-media-download': ['media_gone', 'did_not_happen', 'never', 'message'],
  'error-131053-media-upload': ['wa_media_rejected', 'did_not_happen', 'fix_message', 'message'],
  'error-131056-pair-rate': ['wa_throttled_pair', 'did_not_happen', 'retry', 'pair'],
  'error-131062-bsuid-not-supported': ['wa_phone_needed', 'did_not_happen', 'fix_message', 'message'],
  'error-131064-classification-limit': ['wa_restricted', 'did_not_happen', 'wait', 'waba'],
  'error-131208-group-rate': ['wa_rate_limited', 'did_not_happen', 'retry', 'number'],
  'error-132000-param-count': ['wa_template_parameters', 'did_not_happen', 'fix_message', 'message'],
  'error-132001-template-missing': ['wa_template_missing', 'did_not_happen', 'fix_message', 'message'],
  'error-132005-text-too-long': ['wa_template_parameters', 'did_not_happen', 'fix_message', 'message'],
  'error-132007-format-policy': ['wa_invalid', 'did_not_happen', 'fix_message', 'message'],
  'error-132012-param-format': ['wa_template_parameters', 'did_not_happen', 'fix_message', 'message'],
  'error-132015-template-paused': ['wa_template_paused', 'did_not_happen', 'wait', 'message'],
  'error-132016-template-disabled': ['wa_template_paused', 'did_not_happen', 'fix_message', 'message'],
  'error-132068-flow-blocked': ['wa_refused', 'did_not_happen', 'fix_setup', 'message'],
  'error-132069-flow-throttled': ['wa_rate_limited', 'did_not_happen', 'wait', 'message'],
  'error-133004-server-unavailable': ['wa_temporary', 'did_not_happen', 'retry', 'message'],
  'error-133005-pin-mismatch': ['wa_refused', 'did_not_happen', 'fix_setup', 'number'],
  'error-133006-reverify': ['wa_number_unregistered', 'did_not_happen', 'fix_setup', 'number'],
  'error-133008-pin-too-many': ['wa_rate_limited', 'did_not_happen', 'wait', 'number'],
  'error-133009-pin-too-fast': ['wa_rate_limited', 'did_not_happen', 'wait', 'number'],
  'error-133010-not-registered': ['wa_number_unregistered', 'did_not_happen', 'fix_setup', 'number'],
  'error-133015-wait-register': ['wa_refused', 'did_not_happen', 'wait', 'number'],
  'error-133016-register-limit': ['wa_rate_limited', 'did_not_happen', 'wait', 'number'],
  'error-135000-generic-user': ['wa_invalid', 'did_not_happen', 'fix_message', 'message'],
  'error-136024-request-code': ['wa_rate_limited', 'did_not_happen', 'wait', 'number'],
  'error-137000-identity-hash': ['wa_identity_changed', 'did_not_happen', 'fix_message', 'message'],
  'error-138006-call-permission': ['wa_refused', 'did_not_happen', 'never', 'message'],
  'error-139100-block-partial': ['wa_refused', 'did_not_happen', 'never', 'message'],
  'error-190-token-expired': ['wa_token_invalid', 'did_not_happen', 'reauthorise', 'number'],
  'error-190-token-invalid': ['wa_token_invalid', 'did_not_happen', 'reauthorise', 'number'],
  'error-2-service': ['wa_temporary', 'may_have_happened', 'retry', 'message'],
  'error-200-permission': ['wa_permission', 'did_not_happen', 'reauthorise', 'number'],
  'error-2388019-template-limit': ['wa_refused', 'did_not_happen', 'fix_setup', 'number'],
  'error-2388023-name-being-deleted': ['wa_refused', 'did_not_happen', 'never', 'message'],
  'error-2388024-duplicate-content': ['wa_refused', 'did_not_happen', 'never', 'message'],
  'error-2388040-template-too-long': ['wa_invalid', 'did_not_happen', 'fix_message', 'message'],
  'error-2593107-sync-limit': ['wa_refused', 'did_not_happen', 'fix_setup', 'number'],
  'error-2593108-sync-window': ['wa_refused', 'did_not_happen', 'fix_setup', 'number'],
  'error-33-number-deleted': ['wa_number_unregistered', 'did_not_happen', 'fix_setup', 'number'],
  'error-368-policy-block': ['wa_restricted', 'did_not_happen', 'wait', 'waba'],
  'error-4-app-rate-limit': ['wa_rate_limited', 'did_not_happen', 'retry', 'waba'],
  'error-80007-waba-rate-limit': ['wa_rate_limited', 'did_not_happen', 'retry', 'waba'],
  'error-media-url-expired': ['wa_refused', 'did_not_happen', 'never', 'message']
}

t.test('every recorded answer of Graph has its code, certainty, remedy and scope', async t => {
  const names = readdirSync(DIR).filter(name => /^error-.*\.json$/.test(name))
  t.same(names.map(name => name.replace('.json', '')).sort(), Object.keys(ANSWERS).sort())
  for (const [name, expected] of Object.entries(ANSWERS)) {
    const { http_status: status, body } = read(`${name}.json`)
    for (const given of [body, Buffer.from(JSON.stringify(body))]) {
      const error = toChannelError(status, given)
      t.same([error.code, error.certainty, error.remedy, error.scope], expected, name)
      t.equal(error.facts.httpStatus, status)
      t.equal(error.facts.metaCode, body?.error.code)
    }
  }
})

t.test('the facts name code, sub-code, trace and details', async t => {
  const { http_status: status, body } = read('error-190-token-expired.json')
  t.match(toChannelError(status, body).facts, { metaCode: 190, metaSubcode: 463, fbtraceId: 'AZexampletraceid0001' })
  const count = read('error-132000-param-count.json')
  t.match(toChannelError(400, count.body).facts.details, /number of localizable_params \(1\)/)
})

t.test('every failed status is certain, also where the answer to a send would not be', async t => {
  const names = readdirSync(DIR).filter(name => name.startsWith('status-failed'))
  const codes: Record<string, string> = {}
  for (const name of names) {
    const fact = readFact(readFileSync(new URL(name, DIR)))
    if (fact.kind !== 'status' || fact.status.failure === undefined) throw new Error(name)
    const error = fromMetaFailure(fact.status.failure)
    t.equal(error.certainty, 'did_not_happen', name)
    codes[String(fact.status.failure.code)] = error.code
  }
  t.same(codes, {
    130472: 'wa_marketing_limited',
    131009: 'wa_invalid',
    131026: 'wa_undeliverable',
    131031: 'wa_restricted',
    131042: 'wa_payment',
    131047: 'wa_window_closed',
    131048: 'wa_spam_limited',
    131049: 'wa_marketing_limited',
    131050: 'wa_opted_out',
    131053: 'wa_media_rejected',
    131062: 'wa_phone_needed',
    132015: 'wa_template_paused'
  })
  t.match(fromMetaFailure({ code: 131000 }), { code: 'wa_temporary', certainty: 'did_not_happen', remedy: 'retry' })
  t.match(fromMetaFailure({ code: 987654321 }), { code: 'wa_refused' })
})

t.test('unknown codes go by HTTP status and is_transient', async t => {
  const of = (status: number, error?: object) => toChannelError(status, error === undefined ? '' : { error })
  for (const status of [500, 502, 503, 504])
    t.match(of(status), { code: 'wa_temporary', certainty: 'may_have_happened' })
  t.match(of(429), { code: 'wa_rate_limited', certainty: 'did_not_happen' })
  t.match(of(401), { code: 'wa_token_invalid' })
  t.match(of(403), { code: 'wa_permission' })
  t.match(of(413), { code: 'wa_media_rejected' })
  t.match(of(302), { code: 'wa_refused', remedy: 'fix_setup' })
  t.match(of(400, { code: 999_999 }), { code: 'wa_refused', certainty: 'did_not_happen' })
  t.match(of(400, { code: 999_999, is_transient: true }), { code: 'wa_temporary', certainty: 'may_have_happened' })
  t.match(of(500, { code: 131045 }), { code: 'wa_number_unregistered', certainty: 'did_not_happen' })
  t.match(of(403, { code: 217 }), { code: 'wa_permission' })
  t.match(toChannelError(503, undefined, {}, { harmless: true }), { certainty: 'did_not_happen' })
})

t.test('Retry-After is told in seconds or as a date, and Meta has a header of its own', async t => {
  const now = new Date('2026-11-22T12:00:00Z')
  const wait = (headers: Record<string, string | string[]>) =>
    toChannelError(429, undefined, headers, { now }).retryAfterSeconds
  t.equal(wait({ 'retry-after': '17' }), 17)
  t.equal(wait({ 'retry-after': 'Sun, 22 Nov 2026 12:01:30 GMT' }), 90)
  t.equal(wait({ 'retry-after': 'Sun, 22 Nov 2026 11:00:00 GMT' }), 0)
  t.equal(wait({ 'retry-after': ['5', '6'] }), 5)
  t.equal(wait({ 'retry-after': 'soon' }), undefined)
  t.equal(wait({ 'retry-after': '-5x' }), undefined)
  t.equal(wait({}), undefined)
  const usage = JSON.stringify({ 1: [{ type: 'whatsapp', estimated_time_to_regain_access: 3 }] })
  t.equal(wait({ 'x-business-use-case-usage': usage }), 180)
  t.equal(wait({ 'x-business-use-case-usage': '{broken' }), undefined)
})

t.test('details never carry phones, wamids, user ids, tokens or e-mail addresses, and are short', async t => {
  const told = (details: string) =>
    toChannelError(400, { error: { code: 1, message: details, error_data: { details } } }).facts
  for (const secret of [
    '+49 (0)151 2345-6789',
    '15550100301',
    'wamid.HBgLMTU1NTAxMDAz=',
    'US.8t3Qk1Zp0Lx7Va2Nd5Rw',
    'EAAGm0PX4ZCpsBAKZ',
    'mara@example.org'
  ]) {
    const facts = told(`Recipient ${secret} refused (code 42)`)
    t.equal(facts.details, 'Recipient … refused (code 42)')
    t.notMatch(JSON.stringify(facts), secret.slice(3, 9))
  }
  t.ok(String(told('x'.repeat(5000)).details).length <= 301)
})

t.test('the HTTP client’s failures: nothing left, or nobody knows', async t => {
  for (const reason of ['refused', 'unresolved', 'reset', 'timeout', 'other'] as const) {
    t.match(fromHttpFailure(new HttpFailure('before_bytes', reason)), {
      code: 'wa_unreachable',
      certainty: 'did_not_happen'
    })
    t.match(fromHttpFailure(new HttpFailure('after_bytes', reason)), {
      code: 'wa_no_answer',
      certainty: 'may_have_happened'
    })
    t.match(fromHttpFailure(new HttpFailure('after_bytes', reason), { harmless: true }), {
      code: 'wa_unreachable',
      certainty: 'did_not_happen',
      remedy: 'retry'
    })
  }
  const own = new PuenteError('too_old')
  t.equal(fromHttpFailure(new HttpFailure('before_bytes', 'prevented', own)), own)
  const cause = new Error('deadline')
  t.match(fromHttpFailure(new HttpFailure('before_bytes', 'prevented', cause)), {
    code: 'internal',
    certainty: 'did_not_happen',
    cause
  })
})

t.test('the table is sound: known codes, no overlap with the ranges it would hide', async t => {
  for (const [code, row] of META_ERRORS) {
    t.ok(Object.hasOwn(ERROR_TABLE, row.code), String(code))
    t.ok(Number.isSafeInteger(code))
  }
  for (const { from, to, row } of META_ERROR_RANGES) t.ok(from < to && Object.hasOwn(ERROR_TABLE, row.code))
})

t.test('property: any status, body and headers give a PuenteError of the table', async t => {
  fc.assert(
    fc.property(fc.integer({ min: 300, max: 599 }), fc.jsonValue(), fc.string(), (status, error, header) => {
      const answer = toChannelError(status, { error }, { 'retry-after': header, 'x-business-use-case-usage': header })
      return answer instanceof PuenteError && (answer.retryAfterSeconds === undefined || answer.retryAfterSeconds >= 0)
    })
  )
  t.pass()
})

t.test('S8: an app secret that does not fit has no code of its own: its text tells', t => {
  const of = (message: string, code = 100) =>
    toChannelError(400, { error: { message, type: 'GraphMethodException', code } }).code
  t.equal(of('Invalid appsecret_proof provided in the API argument'), 'wa_app_secret')
  t.equal(of('API calls from the server require an appsecret_proof argument'), 'wa_app_secret')
  t.equal(of('(#100) Invalid parameter'), 'wa_invalid')
  t.equal(of('Invalid appsecret_proof provided in the API argument', 190), 'wa_token_invalid')
  t.end()
})
