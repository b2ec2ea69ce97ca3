/**
 * Brings the files of a draft to disk: located, streamed, hashed, sniffed. What cannot be had becomes a sentence in
 * place of the file; the stored event remembers why, so that the file can be fetched again.
 */
import type { Bridge } from '../bridge.ts'
import { asPuenteError, PuenteError } from '../errors.ts'
import type { DeskDraft, DraftFile, MediaFact } from '../model.ts'
import type { DeskRow } from '../ports/help-desk.ts'
import type { ServedNumber } from '../registry.ts'
import { RULES } from '../rules.ts'
import { placeholderForMedia } from './render.ts'
import type { InboundRun } from './work-lane.ts'

export interface FetchedFiles {
  content: string
  /** The draft's marker; says `placeholder` and why when a file is missing. */
  marker: DeskDraft['marker']
  files: NonNullable<DeskRow['files']>
  /** Why a file is missing. */
  code?: string
  dispose(): Promise<void>
}

type RowFile = NonNullable<DeskRow['files']>[number]

/** Short waits inside the lane: a customer's next words should not stand before their picture for long. */
const TRY_AFTER_MS = [500, 2_000]

export async function fetchFiles(run: InboundRun, draft: DeskDraft): Promise<FetchedFiles> {
  const { bridge, number } = run
  const files: RowFile[] = []
  let shown = draft
  let code: string | undefined
  for (const file of draft.files) {
    try {
      files.push(
        file.from === 'channel' ? await fetchMedia(bridge, number, file) : await fetchPicture(bridge, number, file.url)
      )
    } catch (thrown) {
      const error = asPuenteError(thrown)
      // A full disk or a dead token is not the file's fault: the lane waits.
      if (error.code === 'disk_full') throw error
      bridge.log.info({ number: number.id, code: error.code, facts: error.facts }, 'media not fetched')
      if (file.from === 'url') continue
      code = error.code
      const { sizeBytes } = error.facts
      shown = placeholderForMedia(number.language, shown, error.code, {
        file,
        ...(typeof sizeBytes === 'number' ? { sizeBytes } : {})
      })
    }
  }
  return {
    content: shown.content,
    marker: shown.marker,
    files,
    code,
    async dispose() {
      await Promise.all(files.map(file => bridge.files.remove(file.path)))
    }
  }
}

async function fetchMedia(
  bridge: Bridge,
  number: ServedNumber,
  file: DraftFile & { from: 'channel' }
): Promise<RowFile> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await fetchOnce(bridge, number, file.media, file)
    } catch (thrown) {
      const error = asPuenteError(thrown)
      const final = error.remedy === 'never' || error.remedy === 'fix_message' || error.remedy === 'fix_setup'
      if (final || attempt >= TRY_AFTER_MS.length || error.code === 'disk_full') throw error
      await bridge.sleep(TRY_AFTER_MS[attempt]! * bridge.timeFactor)
    }
  }
}

async function fetchOnce(
  bridge: Bridge,
  number: ServedNumber,
  media: MediaFact,
  file: DraftFile & { from: 'channel' }
): Promise<RowFile> {
  // A URL lives five minutes; the id is asked again on each try, so an expired one heals by itself.
  const address = await bridge.channel.locateMedia(number.access, media.id)
  const maxBytes = RULES.receivedMediaMaxBytes.value
  if ((address.sizeBytes ?? 0) > maxBytes) {
    throw new PuenteError('media_too_large', { facts: { sizeBytes: address.sizeBytes, limitBytes: maxBytes } })
  }
  const opened = await bridge.channel.openMedia(number.access, address.url)
  const spooled = await bridge.files.spool(opened.stream, { maxBytes, expectedBytes: opened.sizeBytes })
  bridge.breakpoint('inbound.media_spooled')
  const promised = media.sha256 ?? address.sha256
  if (promised !== undefined && promised !== spooled.sha256) {
    await bridge.files.remove(spooled.path)
    throw new PuenteError('media_mismatch', { facts: { sizeBytes: spooled.sizeBytes } })
  }
  const sniffed = await bridge.media.sniff(spooled.path, media.mimeType || address.mimeType, media.filename)
  return {
    path: spooled.path,
    sizeBytes: spooled.sizeBytes,
    mimeType: sniffed.mime,
    name: media.filename ?? nameFor(file, sniffed.ext, number),
    voice: media.voice === true
  }
}

function nameFor(file: DraftFile & { from: 'channel' }, extension: string | undefined, _number: ServedNumber): string {
  const stem = file.media.voice === true ? 'voice' : file.type
  return extension === undefined || extension === '' ? stem : `${stem}.${extension}`
}

/** The picture of an ad; nice to have, never worth a wait. */
async function fetchPicture(bridge: Bridge, number: ServedNumber, url: string): Promise<RowFile> {
  const opened = await bridge.channel.openMedia(number.access, url)
  const spooled = await bridge.files.spool(opened.stream, {
    maxBytes: 5 * 1024 * 1024,
    expectedBytes: opened.sizeBytes
  })
  const sniffed = await bridge.media.sniff(spooled.path, 'image/jpeg')
  if (!sniffed.mime.startsWith('image/')) {
    await bridge.files.remove(spooled.path)
    throw new PuenteError('media_unsupported', { facts: { mime: sniffed.mime } })
  }
  return {
    path: spooled.path,
    sizeBytes: spooled.sizeBytes,
    mimeType: sniffed.mime,
    name: `advert.${sniffed.ext ?? 'jpg'}`
  }
}
