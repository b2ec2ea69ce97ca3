/**
 * Makes planned parts ready to leave: fetches files from the desk, converts what WhatsApp would refuse, uploads once
 * per content and number. Everything refused is refused here, before the first part leaves.
 */
import { planAsDocument, planMedia } from '../capabilities.ts'
import { callDesk } from '../desk/call.ts'
import { PuenteError } from '../errors.ts'
import type { OutboundPart } from '../model.ts'
import type { DeskFile } from '../ports/help-desk.ts'
import { RULES } from '../rules.ts'
import { type FileRef, type TemplateUpload, withUploads } from '../talk/instruction.ts'
import type { MediaFormat } from '../templates/model.ts'
import { guessMime, type PlannedPart } from './plan.ts'
import { judgeLinks, wrongKind } from './template-media.ts'
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
      if (!needed(index)) continue
      if (part.kind === 'file') uploads.push(await judgeFile(run, part, spooled))
      else if (part.kind === 'instructed_file') uploads.push(await judgeInstructed(run, part, spooled))
      else if (part.kind === 'template' && part.uploads !== undefined) {
        uploads.push(await judgeTemplate(run, { ...part, uploads: part.uploads }, spooled))
      } else if (part.kind === 'template' && part.links !== undefined) {
        const judge = (fetched: Fetched, wanted: Wanted) =>
          judgeFetched(run, fetched, { voiceHint: false, wanted }, spooled)
        uploads.push(await judgeLinks(run, { ...part, links: part.links }, judge))
      }
    }
    const parts: (ReadyPart | null)[] = []
    for (const [index, part] of planned.entries()) {
      if (!needed(index)) parts.push(null)
      else if (part.kind === 'file' || part.kind === 'instructed_file') parts.push(await uploads.shift()!())
      else if (part.kind === 'template' && (part.uploads ?? part.links) !== undefined) {
        parts.push(await uploads.shift()!())
      } else if (part.kind === 'text') {
        parts.push({
          part: { kind: 'text', body: part.body, previewUrl: run.number.rules.linkPreview && hasLink(part.body) }
        })
      } else if (part.kind === 'template') parts.push({ part: { kind: 'template', template: part.template } })
      else parts.push({ part })
    }
    return { parts, dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

export interface Fetched {
  path: string
  sizeBytes: number
  sha256: string
  name: string
  mimeType: string
}

/** What a template's header takes. */
interface Wanted {
  format: MediaFormat
  label: string
}

/** Answers how to upload it, when everything else is ready too. */
async function judgeFile(
  run: OutboundRun,
  part: Extract<PlannedPart, { kind: 'file' }>,
  spooled: string[]
): Promise<() => Promise<ReadyPart>> {
  return judgeFetched(run, await fetchFromDesk(run, part.file), part, spooled)
}

async function judgeInstructed(
  run: OutboundRun,
  part: Extract<PlannedPart, { kind: 'instructed_file' }>,
  spooled: string[]
): Promise<() => Promise<ReadyPart>> {
  const { file, as, caption } = part
  if (file.from === 'link') {
    const type = part.linkType ?? 'document'
    const filename = type === 'document' ? file.name : undefined
    return async () => ({ part: { kind: 'media', type, mediaId: '', link: file.url, caption, filename } })
  }
  const fetched = await fetchRef(run, file)
  if (as === 'sticker') return judgeSticker(run, fetched, spooled)
  return judgeFetched(run, fetched, { caption, voiceHint: as === 'voice' }, spooled)
}

/** Files of a template's header or cards take the place of the ids that stand for them. */
async function judgeTemplate(
  run: OutboundRun,
  part: Extract<PlannedPart, { kind: 'template' }> & { uploads: TemplateUpload[] },
  spooled: string[]
): Promise<() => Promise<ReadyPart>> {
  const uploads: { id: string; upload: () => Promise<ReadyPart> }[] = []
  for (const { id, file, format, label = '' } of part.uploads) {
    if (file.from === 'link') continue
    const fetched = await fetchRef(run, file)
    const wanted = format === undefined ? undefined : { format, label }
    uploads.push({ id, upload: await judgeFetched(run, fetched, { voiceHint: false, wanted }, spooled) })
  }
  return async () => {
    const ids = new Map<string, string>()
    for (const { id, upload } of uploads) ids.set(id, (await upload()).mediaId ?? '')
    const { components, ...template } = part.template
    return { part: { kind: 'template', template: { ...template, components: withUploads(components, ids) } } }
  }
}

async function judgeSticker(run: OutboundRun, fetched: Fetched, spooled: string[]): Promise<() => Promise<ReadyPart>> {
  const { bridge, number } = run
  spooled.push(fetched.path)
  const facts = await bridge.media.inspectSticker(fetched.path)
  if ('refused' in facts) throw new PuenteError(facts.refused, { stage: 'decide', facts: facts.facts })
  if (!facts.fits) {
    const { mime, sizeBytes, width, height } = facts
    throw new PuenteError('media_unsupported', { facts: { mime, sizeBytes, width, height } })
  }
  const cacheKey = Buffer.from(`${fetched.sha256} sticker`)
  const known = await bridge.deliveries.mediaIdOf(number.id, cacheKey)
  return async () => {
    const file = { path: fetched.path, mimeType: facts.mime, name: fetched.name }
    const mediaId = known ?? (await bridge.channel.uploadMedia(number.access, file))
    if (known === null) await bridge.deliveries.rememberMedia(number.id, cacheKey, mediaId, facts.mime)
    return { mediaId, part: { kind: 'media', type: 'sticker', mediaId } }
  }
}

async function fetchRef(run: OutboundRun, file: Exclude<FileRef, { from: 'link' }>): Promise<Fetched> {
  if (file.from === 'desk') return fetchFromDesk(run, { id: 0, ...file })
  const { bridge } = run
  const spooled = await bridge.files.spool(await bridge.storedFiles.open(file.fileId), {
    maxBytes: RULES.receivedMediaMaxBytes.value,
    expectedBytes: file.sizeBytes
  })
  return { ...spooled, name: file.name, mimeType: file.mimeType }
}

async function judgeFetched(
  run: OutboundRun,
  fetched: Fetched,
  part: { caption?: string; voiceHint: boolean; wanted?: Wanted },
  spooled: string[]
): Promise<() => Promise<ReadyPart>> {
  const { bridge, number } = run
  spooled.push(fetched.path)
  bridge.breakpoint('outbound.media_spooled')
  const sniffed = await bridge.media.sniff(fetched.path, fetched.mimeType, fetched.name)
  const found = {
    mime: sniffed.mime,
    sizeBytes: fetched.sizeBytes,
    name: fetched.name,
    voiceHint: part.voiceHint
  }
  const plan = part.wanted?.format === 'document' ? planAsDocument(found) : planMedia(found)
  if ('refusal' in plan) {
    throw new PuenteError(plan.refusal, {
      facts: { mime: sniffed.mime, sizeBytes: fetched.sizeBytes, limitBytes: plan.limitBytes }
    })
  }
  if (part.wanted !== undefined && plan.type !== part.wanted.format) throw wrongKind(part.wanted.label, sniffed.mime)
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
