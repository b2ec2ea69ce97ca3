/**
 * A file at an address that somebody typed, fetched while they still wait for it: kept like an upload, so that it is
 * judged by its content before anything is sent, shown in the preview, and stands in the desk's row. Public addresses only.
 */
import { planAsDocument, planMedia } from '../../core/capabilities.ts'
import { callDesk } from '../../core/desk/call.ts'
import { type ErrorCode, PuenteError } from '../../core/errors.ts'
import type { StoredFile } from '../../core/ports/stored-files.ts'
import type { ServedNumber } from '../../core/registry.ts'
import { RULES } from '../../core/rules.ts'
import type { ApiDeps } from './deps.ts'

/** An upload waits a day for its message. */
export const UPLOAD_MS = 24 * 3_600_000
/** Shorter than a page waits for its answer. */
const PATIENCE_MS = 15_000

interface Wanted {
  deskId: number
  agentId: number | null
  url: string
  name?: string
  /** Of the desk that may be asked itself for its own files. */
  number?: ServedNumber
}

/** Fails with `media_origin`, `media_unfetched`, `media_too_large`. */
export async function keepLinked(deps: ApiDeps, { deskId, agentId, url, name, number }: Wanted): Promise<StoredFile> {
  const { bridge } = deps
  const { spooled, told } = await within(PATIENCE_MS * bridge.timeFactor, async late => {
    const opened = await open(deps, url, number)
    late(() => (opened.stream as { destroy?: () => void }).destroy?.())
    const maxBytes = RULES.receivedMediaMaxBytes.value
    const spooled = await bridge.files.spool(opened.stream, { maxBytes, expectedBytes: opened.sizeBytes })
    return { spooled, told: opened }
  })
  try {
    const shown = safeName(name ?? told.name ?? '')
    const { mime } = await bridge.media.sniff(spooled.path, told.mimeType ?? '', shown)
    const plan = planMedia({ mime, sizeBytes: spooled.sizeBytes, name: shown })
    const refused =
      'refusal' in plan && 'refusal' in planAsDocument({ mime, sizeBytes: spooled.sizeBytes, name: shown })
    return await bridge.storedFiles.keep(
      {
        id: bridge.newId(),
        deskId,
        agentId,
        name: shown,
        mimeType: mime,
        sizeBytes: spooled.sizeBytes,
        sha256: spooled.sha256,
        sendsAs: 'refusal' in plan ? null : plan.type,
        refusal: refused && 'refusal' in plan ? (plan.refusal satisfies ErrorCode) : null
      },
      spooled.path,
      UPLOAD_MS
    )
  } finally {
    await bridge.files.remove(spooled.path)
  }
}

type Opened = Awaited<ReturnType<ApiDeps['bridge']['openLink']>>

function open({ bridge }: ApiDeps, url: string, number: ServedNumber | undefined): Promise<Opened> {
  // A file of the desk itself may lie in a private network: the desk's own way is open to it.
  if (number !== undefined && new URL(url).origin === new URL(number.deskAccess.url).origin) {
    const { deskId, deskAccess: access } = number
    return callDesk(bridge, { deskId, access, run: given => bridge.desk.openFile(given, url) })
  }
  return bridge.openLink(url)
}

/** What comes too late is let go: the agent looks at a busy button meanwhile. */
async function within<T>(ms: number, work: (late: (end: () => void) => void) => Promise<T>): Promise<T> {
  let end = (): void => {}
  let over = false
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      over = true
      end()
      reject(new PuenteError('media_unfetched', { facts: { reason: 'too slow' } }))
    }, ms)
  })
  const done = work(given => {
    end = given
    if (over) given()
  })
  done.catch(() => {})
  try {
    return await Promise.race([done, tooLate])
  } finally {
    clearTimeout(timer)
  }
}

/** Without folders and control characters. */
export function safeName(name: string): string {
  const clean = name.replace(/[\u0000-\u001f\u007f/\\]/g, '_').trim()
  return clean === '' || clean === '.' || clean === '..' ? 'file' : clean.slice(0, 150)
}
