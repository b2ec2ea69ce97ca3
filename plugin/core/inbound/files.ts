/**
 * Brings the files of a draft to disk: located, streamed, hashed, sniffed. An outage is waited out for a while, a dead
 * token until it is replaced; what cannot be had becomes a sentence in place of the file, and the stored event remembers
 * why, so that the file can be fetched again.
 */
import type { Bridge } from '../bridge.ts'
import { asPuenteError, PuenteError } from '../errors.ts'
import { GateClosed } from '../lanes/hold.ts'
import type { DeskDraft, DraftFile, MediaFact } from '../model.ts'
import { callWithToken } from '../outbound/gate.ts'
import type { DeskRow } from '../ports/help-desk.ts'
import type { LaneEvent } from '../ports/store.ts'
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

/** Short waits without leaving the lane: most faults are over by then. */
const TRY_AFTER_MS = [500, 2_000]
/** Then the lane is left, and comes back after this, doubled each time. */
const FIRST_WAIT_MS = 3_000

/** The file cannot be had now, but perhaps soon: the lane comes back. */
export class FileWaits extends Error {
  readonly error: PuenteError
  readonly delayMs: number

  constructor(error: PuenteError, delayMs: number) {
    super('file waits', { cause: error })
    this.name = 'FileWaits'
    this.error = error
    this.delayMs = delayMs
  }
}

export async function fetchFiles(run: InboundRun, event: LaneEvent, draft: DeskDraft): Promise<FetchedFiles> {
  const { bridge, number } = run
  const files: RowFile[] = []
  const dispose = async (): Promise<void> => {
    await Promise.all(files.map(file => bridge.files.remove(file.path)))
  }
  let shown = draft
  let code: string | undefined
  for (const file of draft.files) {
    try {
      files.push(
        file.from === 'channel' ? await fetchMedia(run, event, file) : await fetchPicture(bridge, number, file.url)
      )
    } catch (thrown) {
      const error = asPuenteError(thrown instanceof FileWaits ? thrown.error : thrown)
      const waits = thrown instanceof FileWaits || thrown instanceof GateClosed || error.code === 'disk_full'
      // A full disk, a dead token or an outage is not the file's fault: the lane waits.
      if (waits) {
        await dispose()
        throw thrown
      }
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
    dispose
  }
}

async function fetchMedia(run: InboundRun, event: LaneEvent, file: DraftFile & { from: 'channel' }): Promise<RowFile> {
  const { bridge, number } = run
  // How often the lane was left for this file already; strikes before that were other troubles.
  const returns = event.code !== null && isOutage(event.code) ? run.lane.strikes : 0
  const tries = returns === 0 ? TRY_AFTER_MS : []
  for (let attempt = 0; ; attempt++) {
    try {
      return await fetchOnce(bridge, number, file.media, file)
    } catch (thrown) {
      if (thrown instanceof GateClosed) {
        // Meta has deleted it by now, whatever becomes of the token.
        if (event.receivedAgeMs > RULES.mediaLives.value.receivedDays * DAY_MS) throw new PuenteError('media_gone')
        throw thrown
      }
      const error = asPuenteError(thrown)
      if (error.code === 'disk_full' || !(error.remedy === 'retry' || error.scope !== 'message')) throw error
      const waitMs = tries[attempt]
      if (waitMs !== undefined) {
        await bridge.sleep(waitMs * bridge.timeFactor)
        continue
      }
      const firstMs = FIRST_WAIT_MS * bridge.timeFactor
      const leftMs = bridge.times.mediaWaitMs - firstMs * (2 ** returns - 1)
      // What arrives damaged or has no address again and again is no outage.
      if (leftMs <= 0 || !isOutage(error.code) || error.facts['expired'] === true) throw error
      throw new FileWaits(error, Math.min(leftMs, firstMs * 2 ** returns))
    }
  }
}

const DAY_MS = 86_400_000

function isOutage(code: string): boolean {
  return code === 'media_unfetched' || code.startsWith('wa_')
}

async function fetchOnce(
  bridge: Bridge,
  number: ServedNumber,
  media: MediaFact,
  file: DraftFile & { from: 'channel' }
): Promise<RowFile> {
  // A URL lives five minutes; the id is asked again on each try, so an expired one heals by itself.
  const address = await callWithToken(bridge, number, () => bridge.channel.locateMedia(number.access, media.id))
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
    name: media.filename ?? nameFor(file, sniffed.ext),
    voice: media.voice === true
  }
}

function nameFor(file: DraftFile & { from: 'channel' }, extension: string | undefined): string {
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
