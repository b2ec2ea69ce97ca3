/**
 * The WhatsApp Cloud API as a `Channel`: send, read marks, media, facts of a number. It repeats nothing by itself and
 * knows no lanes, windows or desks; pacing and retries are decided above.
 */
import { PuenteError } from '../../plugin/core/errors.ts'
import type { Accepted, Channel, MediaAddress, NumberFacts } from '../../plugin/core/ports/channel.ts'
import { RULES, TIMES, type Times } from '../../plugin/core/rules.ts'
import type { HttpClient } from '../http/types.ts'
import { createGraph } from './graph-call.ts'
import { buildUpload, openMediaUrl } from './media.ts'
import { asList, asObject, readDigits, readId, readNumber, readSha256, readText } from './safe-read.ts'
import { readHealth } from './subscriptions.ts'
import { toSendBody } from './to-wire.ts'
import type { AnswerWire, MarkReadWire } from './wire.ts'

export { verifyHandshake } from './signature.ts'

export interface CloudChannelDeps {
  /** Closed together with the channel. */
  http: HttpClient
  /** Sent wherever an access has an app secret, unless this is false. */
  appSecretProof?: boolean
  /** Origins beside Meta's and Graph's from which media may be fetched, without a token. */
  mediaOrigins?: readonly string[]
  /** Other time-outs than the usual ones, for runs with shortened times. */
  times?: Pick<Times, 'graphCallMs' | 'mediaMs'>
}

/** WA-NUMBER-CHANNEL */
export const NUMBER_FIELDS =
  'display_phone_number,verified_name,quality_rating,throughput,status,is_on_biz_app,whatsapp_business_manager_messaging_limit,health_status'

export function createCloudChannel(deps: CloudChannelDeps): Channel {
  const { mediaMs } = deps.times ?? TIMES
  const graph = createGraph(deps)
  const media = { http: deps.http, mediaOrigins: deps.mediaOrigins ?? [], timeoutMs: mediaMs }

  return {
    async send(access, message, options) {
      const json = toSendBody(message)
      const path = [access.phoneNumberId, 'messages']
      const { beforeBytes } = options
      const answer = await graph.call(access, { method: 'POST', path, json, beforeBytes, harmless: false })
      return readAccepted(answer, message.to.groupId !== undefined)
    },

    async markRead(access, wamid, options = {}) {
      const json: MarkReadWire = { messaging_product: 'whatsapp', status: 'read', message_id: wamid }
      if (options.typing === true) json.typing_indicator = { type: 'text' }
      await graph.call(access, { method: 'POST', path: [access.phoneNumberId, 'messages'], json, harmless: true })
    },

    async uploadMedia(access, file) {
      const body = await buildUpload(file)
      const path = [access.phoneNumberId, 'media']
      try {
        const call = { method: 'POST', path, body, timeoutMs: mediaMs, harmless: true } as const
        const id = readId((await graph.call(access, call)).id)
        if (id !== undefined) return id
      } catch (error) {
        throw toUploadError(error)
      }
      throw new PuenteError('wa_unreachable', { facts: { reason: 'answer_unreadable' } })
    },

    async locateMedia(access, mediaId) {
      const query = { phone_number_id: access.phoneNumberId }
      try {
        return readAddress(await graph.call(access, { method: 'GET', path: [mediaId], query, harmless: true }))
      } catch (error) {
        throw toLocateError(error)
      }
    },

    openMedia: (access, url) => openMediaUrl(media, access, url),

    async readNumber(access) {
      const query = { fields: NUMBER_FIELDS }
      return readNumberFacts(
        await graph.call(access, { method: 'GET', path: [access.phoneNumberId], query, harmless: true })
      )
    },

    // D:calling/call-settings: `{calling: {status: ENABLED | DISABLED, …}, …}`, without `calling` where it was never set.
    async readCalling(access) {
      const path = [access.phoneNumberId, 'settings']
      const answer = await graph.call(access, { method: 'GET', path, query: { fields: 'calling' }, harmless: true })
      return asObject(asObject(answer)?.calling)?.status === 'ENABLED'
    },

    close: () => deps.http.close()
  }
}

/** The answer to a send. Without a wamid nobody can follow the message: it may have been sent. */
function readAccepted(answer: AnswerWire, toGroup: boolean): Accepted {
  const message = asObject(asList(answer.messages)[0])
  const wamid = readId(message?.id)
  if (wamid === undefined) throw new PuenteError('wa_no_answer', { facts: { reason: 'answer_without_id' } })
  const accepted: Accepted = { wamid }
  const contact = toGroup ? undefined : asObject(asList(answer.contacts)[0])
  const waId = readDigits(contact?.wa_id)
  const userId = readId(contact?.user_id)
  if (waId !== undefined) accepted.waId = waId
  if (userId !== undefined) accepted.userId = userId
  const status = message?.message_status
  if (status === 'held_for_quality_assessment' || status === 'paused') accepted.held = true
  return accepted
}

/** Graph answers a file that it does not take as an invalid parameter. */
function toUploadError(error: unknown): unknown {
  if (!(error instanceof PuenteError) || error.code !== 'wa_invalid') return error
  return new PuenteError('wa_media_rejected', { cause: error, facts: error.facts })
}

/** A media that expired answers 404, or as an object that does not exist (100 with sub-code 33; WA-UNKNOWN). */
function toLocateError(error: unknown): unknown {
  if (!(error instanceof PuenteError)) return error
  const { httpStatus, metaCode, metaSubcode } = error.facts
  const gone = httpStatus === 404 || (metaCode === 100 && metaSubcode === 33)
  return gone ? new PuenteError('media_gone', { cause: error, facts: error.facts }) : error
}

function readAddress(answer: AnswerWire): MediaAddress {
  const url = readText(answer.url)
  if (url === undefined) throw new PuenteError('media_unfetched', { facts: { reason: 'no_url' } })
  const address: MediaAddress = {
    url,
    mimeType: (readId(answer.mime_type) ?? 'application/octet-stream').toLowerCase()
  }
  const sha256 = readSha256(answer.sha256)
  const sizeBytes = readNumber(answer.file_size)
  if (sha256 !== undefined) address.sha256 = sha256
  if (sizeBytes !== undefined && sizeBytes >= 0) address.sizeBytes = sizeBytes
  return address
}

export function readNumberFacts(answer: AnswerWire): NumberFacts {
  const pace = RULES.throughputPerSecond.value
  const isOnBusinessApp = answer.is_on_biz_app === true
  const isHigh = asObject(answer.throughput)?.level === 'HIGH'
  const facts: NumberFacts = {
    displayPhoneNumber: readText(answer.display_phone_number) ?? '',
    throughputPerSecond: isOnBusinessApp ? pace.coexistence : isHigh ? pace.high : pace.standard,
    isOnBusinessApp
  }
  const verifiedName = readText(answer.verified_name)
  const quality = readId(answer.quality_rating)
  const status = readId(answer.status)
  const messagingLimit = readId(answer.whatsapp_business_manager_messaging_limit)
  const { canSend, codes } = readHealth(answer.health_status)
  if (verifiedName !== undefined) facts.verifiedName = verifiedName
  if (quality !== undefined) facts.quality = quality
  if (status !== undefined) facts.status = status
  if (messagingLimit !== undefined) facts.messagingLimit = messagingLimit
  if (canSend !== undefined) facts.canSend = canSend
  if (codes.length > 0) facts.healthCodes = codes
  return facts
}
