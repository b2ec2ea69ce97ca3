/** Uploads of agents and the library: taken once, looked at by their bytes, kept sealed. */
import { planAsDocument, planMedia } from '../../core/capabilities.ts'
import type { ErrorCode } from '../../core/errors.ts'
import { PuenteError } from '../../core/errors.ts'
import type { MediaKind } from '../../core/model.ts'
import type { StoredFile, LibraryItem as StoredItem } from '../../core/ports/stored-files.ts'
import { RULES } from '../../core/rules.ts'
import { mendable } from '../../core/talk/mend.ts'
import { explainError } from '../../core/texts/describe.ts'
import type { Locale } from '../../core/texts/text.ts'
import type { LibraryItem, UploadInfo } from '../contract/media.ts'
import type { ApiDeps, Handlers, SignedInAgent } from './deps.ts'
import { localeOf } from './deps.ts'
import { keepLinked, safeName, UPLOAD_MS } from './linked-files.ts'

/** More than this at once is no conversation any more. */
const MOST_HELD_BYTES = 1024 * 1024 * 1024

export function fileHandlers(
  deps: ApiDeps
): Pick<Handlers, 'upload' | 'uploadFromLink' | 'listLibrary' | 'addToLibrary' | 'removeFromLibrary'> {
  const { bridge } = deps
  const { storedFiles } = bridge
  return {
    async upload({ query }, { agent: who, request }) {
      const { agent } = who
      await requireRoom(deps, who)
      const locale = localeOf(request, agent)
      const maxBytes = RULES.receivedMediaMaxBytes.value
      const spooled = await bridge.files.spool(request.raw, { maxBytes })
      try {
        const name = safeName(query.name)
        const sniffed = await bridge.media.sniff(spooled.path, String(request.headers['content-type'] ?? ''), name)
        const judged = await judge(deps, query.purpose, { ...spooled, mime: sniffed.mime, name })
        const file = await storedFiles.keep(
          {
            id: bridge.newId(),
            deskId: agent.desk.id,
            agentId: agent.id,
            name,
            mimeType: sniffed.mime,
            sizeBytes: spooled.sizeBytes,
            sha256: spooled.sha256,
            ...judged
          },
          spooled.path,
          UPLOAD_MS
        )
        return toUpload(file, locale)
      } finally {
        await bridge.files.remove(spooled.path)
      }
    },

    async uploadFromLink({ body }, { agent: who, request }) {
      const { agent } = who
      await requireRoom(deps, who)
      const file = await keepLinked(deps, { deskId: agent.desk.id, agentId: agent.id, ...body })
      return toUpload(file, localeOf(request, agent))
    },

    async listLibrary({ query }, { agent: who }) {
      const words = (query.query ?? '').toLowerCase().split(/\s+/).filter(Boolean)
      const items = await storedFiles.listLibrary(who.agent.desk.id)
      const fitting = items.filter(item => {
        const searched = `${item.title} ${item.file?.name ?? ''} ${item.url ?? ''}`.toLowerCase()
        return words.every(word => searched.includes(word))
      })
      return { items: fitting.map(item => toItem(item, who)) }
    },

    async addToLibrary({ body }, { agent: who }) {
      const { agent } = who
      const id = bridge.newId()
      const base = { id, deskId: agent.desk.id, agentId: agent.id, title: body.title }
      if (body.kind === 'link') {
        await storedFiles.addToLibrary({ ...base, kind: 'link', url: body.url, fileId: null })
      } else {
        const file = await storedFiles.find(agent.desk.id, body.uploadId)
        if (file === null || file.agentId !== agent.id) throw new PuenteError('not_found')
        if (file.refusal !== null) throw new PuenteError(file.refusal as ErrorCode)
        await storedFiles.addToLibrary({ ...base, kind: 'file', url: null, fileId: file.id })
      }
      return toItem((await storedFiles.findLibrary(agent.desk.id, id))!, who)
    },

    async removeFromLibrary({ params }, { agent: who }) {
      const item = await storedFiles.findLibrary(who.agent.desk.id, params.itemId)
      if (item === null) throw new PuenteError('not_found')
      if (!mayRemove(item, who)) throw new PuenteError('not_allowed')
      await storedFiles.removeFromLibrary(who.agent.desk.id, params.itemId)
      return { ok: true }
    }
  }
}

async function requireRoom(deps: ApiDeps, { agent }: SignedInAgent): Promise<void> {
  const held = await deps.bridge.storedFiles.heldBytes(agent.desk.id, agent.id)
  if (held > MOST_HELD_BYTES) throw new PuenteError('quota_full')
}

/** Whether WhatsApp will take it, said while there is still time to choose another. */
async function judge(
  deps: ApiDeps,
  purpose: 'media' | 'sticker' | 'voice' | 'header' | 'document',
  file: { path: string; sizeBytes: number; mime: string; name: string }
): Promise<{ sendsAs: MediaKind | null; refusal: ErrorCode | null }> {
  if (purpose === 'sticker') {
    const facts = await deps.bridge.media.inspectSticker(file.path)
    if ('refused' in facts) return { sendsAs: null, refusal: facts.refused }
    return facts.fits ? { sendsAs: 'sticker', refusal: null } : { sendsAs: null, refusal: 'media_unsupported' }
  }
  const voiceHint = purpose === 'voice'
  const { mime, sizeBytes, name } = file
  const found = { mime, sizeBytes, name, voiceHint }
  const plan = purpose === 'document' ? planAsDocument(found) : planMedia(found)
  if ('refusal' in plan) return { sendsAs: null, refusal: plan.refusal }
  if (voiceHint && plan.voice !== true) return { sendsAs: null, refusal: 'media_unsupported' }
  return { sendsAs: plan.type, refusal: null }
}

function toUpload(file: StoredFile, locale: Locale): UploadInfo {
  return {
    uploadId: file.id,
    name: file.name,
    mimeType: file.mimeType,
    sizeBytes: file.sizeBytes,
    sendsAs: file.sendsAs,
    refusal: file.refusal === null ? null : explainError(locale, mendable(locale, file.refusal).code as ErrorCode),
    expiresAt: (file.expiresAt ?? new Date(0)).toISOString()
  }
}

function mayRemove(item: StoredItem, who: SignedInAgent): boolean {
  return who.agent.role === 'administrator' || item.agentId === who.agent.id
}

function toItem(item: StoredItem, who: SignedInAgent): LibraryItem {
  return {
    itemId: item.id,
    kind: item.kind,
    title: item.title,
    url: item.url,
    name: item.file?.name ?? null,
    mimeType: item.file?.mimeType ?? null,
    sizeBytes: item.file?.sizeBytes ?? null,
    sendsAs: item.file?.sendsAs ?? null,
    addedAt: item.addedAt.toISOString(),
    mayDelete: mayRemove(item, who)
  }
}
