/**
 * Makes planned parts ready to leave: fetches files from the desk, converts what WhatsApp would refuse, uploads once
 * per content and number. Everything refused is refused here, before the first part leaves.
 */
import { planMedia } from '../capabilities.ts'
import { callDesk } from '../desk/call.ts'
import { PuenteError } from '../errors.ts'
import type { OutboundPart } from '../model.ts'
import type { DeskFile } from '../ports/help-desk.ts'
import { RULES } from '../rules.ts'
import { guessMime, type PlannedPart } from './plan.ts'
import type { OutboundRun } from './work-lane.ts'

export interface ReadyPart {
  part: OutboundPart
  mediaId?: string
}

export interface ReadyParts {
  /** Null where a part needs no sending. */
  parts: (ReadyPart | null)[]
  dispose(): Promise<void>
}

export async function prepareParts(
  run: OutboundRun,
  planned: PlannedPart[],
  needed: (index: number) => boolean
): Promise<ReadyParts> {
  const spooled: string[] = []
  const dispose = async (): Promise<void> => {
    await Promise.all(spooled.map(path => run.bridge.files.remove(path)))
  }
  try {
    // Every file is judged and converted before the first is uploaded: what is refused costs nothing.
    const uploads: (() => Promise<ReadyPart>)[] = []
    for (const [index, part] of planned.entries()) {
      if (part.kind === 'file' && needed(index)) uploads.push(await judgeFile(run, part, spooled))
    }
    const parts: (ReadyPart | null)[] = []
    for (const [index, part] of planned.entries()) {
      if (!needed(index)) parts.push(null)
      else if (part.kind === 'file') parts.push(await uploads.shift()!())
      else if (part.kind === 'text') {
        parts.push({
          part: { kind: 'text', body: part.body, previewUrl: run.number.rules.linkPreview && hasLink(part.body) }
        })
      } else parts.push({ part })
    }
    return { parts, dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

/** Answers how to upload it, when everything else is ready too. */
async function judgeFile(
  run: OutboundRun,
  part: Extract<PlannedPart, { kind: 'file' }>,
  spooled: string[]
): Promise<() => Promise<ReadyPart>> {
  const { bridge, number } = run
  const fetched = await fetchFromDesk(run, part.file)
  spooled.push(fetched.path)
  bridge.breakpoint('outbound.media_spooled')
  const sniffed = await bridge.media.sniff(fetched.path, fetched.mimeType, fetched.name)
  const plan = planMedia({
    mime: sniffed.mime,
    sizeBytes: fetched.sizeBytes,
    name: fetched.name,
    voiceHint: part.voiceHint
  })
  if ('refusal' in plan) {
    throw new PuenteError(plan.refusal, {
      facts: { mime: sniffed.mime, sizeBytes: fetched.sizeBytes, limitBytes: plan.limitBytes }
    })
  }
  // The same bytes sent the same way need no second upload.
  const cacheKey = Buffer.from(`${fetched.sha256} ${plan.type} ${plan.convert ?? ''} ${plan.voice === true}`)
  const known = await bridge.deliveries.mediaIdOf(number.id, cacheKey)
  let file = { path: fetched.path, mimeType: plan.mimeType }
  if (known === null && plan.convert !== undefined) {
    const converted =
      plan.convert === 'voice'
        ? await bridge.media.prepareVoice(fetched.path)
        : await bridge.media.prepareImage(fetched.path)
    if ('refused' in converted) throw new PuenteError(converted.refused, { stage: 'decide', facts: converted.facts })
    if (converted.path !== fetched.path) spooled.push(converted.path)
    file = { path: converted.path, mimeType: converted.mime }
  }
  const upload = async (): Promise<string> => {
    const mediaId = await bridge.channel.uploadMedia(number.access, { ...file, name: fetched.name })
    bridge.breakpoint('outbound.media_uploaded')
    await bridge.deliveries.rememberMedia(number.id, cacheKey, mediaId, file.mimeType)
    return mediaId
  }
  return async () => {
    const mediaId = known ?? (await upload())
    return {
      mediaId,
      part: {
        kind: 'media',
        type: plan.type,
        mediaId,
        caption: part.caption !== undefined && part.caption.length <= plan.captionLimit ? part.caption : undefined,
        filename: plan.type === 'document' ? fetched.name : undefined,
        voice: plan.voice
      }
    }
  }
}

async function fetchFromDesk(
  run: OutboundRun,
  file: DeskFile
): Promise<{ path: string; sizeBytes: number; sha256: string; name: string; mimeType: string }> {
  const { bridge, number } = run
  const maxBytes = RULES.receivedMediaMaxBytes.value
  if ((file.sizeBytes ?? 0) > maxBytes) {
    throw new PuenteError('media_too_large', { facts: { sizeBytes: file.sizeBytes, limitBytes: maxBytes } })
  }
  return callDesk(bridge, {
    deskId: number.deskId,
    access: number.deskAccess,
    run: async access => {
      const opened = await bridge.desk.openFile(access, file.url)
      const spooled = await bridge.files.spool(opened.stream, { maxBytes, expectedBytes: opened.sizeBytes })
      return {
        ...spooled,
        name: opened.name ?? file.name,
        mimeType: file.mimeType ?? opened.mimeType ?? guessMime(file.type)
      }
    }
  })
}

function hasLink(body: string): boolean {
  return /https?:\/\/\S/i.test(body)
}
