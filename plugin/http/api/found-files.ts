/** Files that a caller names: their own uploads, the library, files of the conversation they look at. */

import { planMedia } from '../../core/capabilities.ts'
import { PuenteError } from '../../core/errors.ts'
import type { MediaKind } from '../../core/model.ts'
import { guessMime } from '../../core/outbound/plan.ts'
import type { StoredFile } from '../../core/ports/stored-files.ts'
import type { ServedNumber } from '../../core/registry.ts'
import type { FileRef } from '../../core/talk/instruction.ts'
import type { FileSource } from '../contract/message.ts'
import type { SlotValue } from '../contract/template.ts'
import type { ApiDeps, SignedInAgent } from './deps.ts'
import type { FoundFile } from './slot-values.ts'

type Named = Extract<SlotValue, { kind: 'upload' | 'library' | 'conversation_file' }>

/** Fails with `not_found`: also for somebody else's upload and for another desk's file. */
export async function findFile(
  deps: ApiDeps,
  who: SignedInAgent | null,
  number: Pick<ServedNumber, 'deskId'>,
  conversationId: number | null,
  value: Named
): Promise<FoundFile> {
  const { storedFiles } = deps.bridge
  if (value.kind === 'upload') {
    const file = await storedFiles.find(number.deskId, value.uploadId)
    if (file === null || who === null || file.agentId !== who.agent.id) throw new PuenteError('not_found')
    return foundStored(file)
  }
  if (value.kind === 'library') {
    const item = await storedFiles.findLibrary(number.deskId, value.itemId)
    if (item?.file == null) throw new PuenteError('not_found')
    return foundStored(item.file)
  }
  if (who === null || conversationId === null || conversationId === 0) throw new PuenteError('not_found')
  const message = await deps.access.ask(who.agent, access =>
    deps.bridge.desk.readMessage(access, conversationId, value.messageId)
  )
  const file = message?.files.find(candidate => candidate.id === value.fileId)
  if (file === undefined) throw new PuenteError('not_found')
  const mime = file.mimeType ?? guessMime(file.type)
  const facts = { mime, sizeBytes: file.sizeBytes ?? 1, name: file.name }
  const plan = planMedia(facts)
  return {
    ref: {
      from: 'desk',
      type: file.type,
      url: file.url,
      name: file.name,
      mimeType: file.mimeType,
      sizeBytes: file.sizeBytes
    },
    sendsAs: 'refusal' in plan ? null : plan.type,
    facts
  }
}

export function foundStored(file: StoredFile): FoundFile {
  const { mimeType: mime, sizeBytes, name, sendsAs } = file
  return { ref: storedRef(file), sendsAs, facts: { mime, sizeBytes, name } }
}

export function storedRef(file: StoredFile): Extract<FileRef, { from: 'stored' }> {
  return { from: 'stored', fileId: file.id, name: file.name, mimeType: file.mimeType, sizeBytes: file.sizeBytes }
}

/** For messages: the same, in the other words of the contract; an address is left to WhatsApp. */
export async function findSource(
  deps: ApiDeps,
  who: SignedInAgent,
  number: ServedNumber,
  conversationId: number | null,
  source: FileSource
): Promise<FoundFile> {
  switch (source.from) {
    case 'upload':
      return findFile(deps, who, number, conversationId, { kind: 'upload', uploadId: source.uploadId })
    case 'library':
      return findFile(deps, who, number, conversationId, { kind: 'library', itemId: source.itemId })
    case 'conversation': {
      const { messageId, fileId } = source
      return findFile(deps, who, number, conversationId, { kind: 'conversation_file', messageId, fileId })
    }
    case 'url': {
      const { url, name } = source
      return { ref: { from: 'link', url, name }, sendsAs: kindOfUrl(url), facts: null }
    }
  }
}

/** By its ending: WhatsApp looks at the bytes itself. */
function kindOfUrl(url: string): MediaKind {
  const name = new URL(url).pathname
  const plan = planMedia({ mime: '', sizeBytes: 1, name })
  return 'refusal' in plan || plan.asDocument === true || plan.convert !== undefined ? 'document' : plan.type
}
