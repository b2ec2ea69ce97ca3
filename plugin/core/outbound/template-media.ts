/**
 * Files of a template's header that lie at a public address: fetched by Puente (never by following an agent into its own
 * network), judged by their content, uploaded, sent by id.
 */
import { callDesk } from '../desk/call.ts'
import { asPuenteError, PuenteError } from '../errors.ts'
import { RULES } from '../rules.ts'
import type { MediaFormat, SendComponent } from '../templates/model.ts'
import { tidyFileName } from '../templates/values.ts'
import type { PlannedPart } from './plan.ts'
import type { Fetched, ReadyPart } from './prepare.ts'
import type { TemplateLink } from './template.ts'
import type { OutboundRun } from './work-lane.ts'

type PlannedTemplate = Extract<PlannedPart, { kind: 'template' }>
type JudgeAs = (fetched: Fetched, wanted: { format: MediaFormat; label: string }) => Promise<() => Promise<ReadyPart>>

/** Answers how to upload them, when everything else is ready too. */
export async function judgeLinks(
  run: OutboundRun,
  part: PlannedTemplate & { links: TemplateLink[] },
  judge: JudgeAs
): Promise<() => Promise<ReadyPart>> {
  const files: { link: TemplateLink; name: string; upload: () => Promise<ReadyPart> }[] = []
  for (const link of part.links) {
    const fetched = await fetchLink(run, link)
    files.push({ link, name: tidyFileName(link.filename ?? fetched.name), upload: await judge(fetched, link) })
  }
  return async () => {
    const uploaded = new Map<string, { mediaId: string; filename: string }>()
    let last: ReadyPart | undefined
    for (const { link, name, upload } of files) {
      last = await upload()
      uploaded.set(link.id, { mediaId: last.mediaId ?? '', filename: name })
    }
    const { components, ...template } = part.template
    return {
      part: { kind: 'template', template: { ...template, components: placeFiles(components, uploaded) } },
      ...(last?.mediaId === undefined ? {} : { mediaId: last.mediaId })
    }
  }
}

/** The components with uploaded ids in place of the reserved ones; a document shows its name. */
export function placeFiles(
  components: SendComponent[],
  files: ReadonlyMap<string, { mediaId: string; filename: string }>
): SendComponent[] {
  return components.map(component => {
    if (component.type !== 'header') return component
    return {
      ...component,
      parameters: component.parameters.map(parameter => {
        const { type } = parameter
        const media = parameter[type] as { id?: string; filename?: string } | undefined
        const file = files.get(media?.id ?? '')
        if (media === undefined || file === undefined) return parameter
        const filename = type === 'document' && file.filename !== '' ? { filename: file.filename } : {}
        return { ...parameter, [type]: { ...filename, ...media, id: file.mediaId } }
      })
    }
  })
}

async function fetchLink(run: OutboundRun, link: TemplateLink): Promise<Fetched> {
  const { bridge, number } = run
  const maxBytes = RULES.receivedMediaMaxBytes.value
  const fetch = async (open: Promise<Opened>): Promise<Fetched> => {
    const { stream, name, mimeType, sizeBytes } = await open
    const spooled = await bridge.files.spool(stream, { maxBytes, expectedBytes: sizeBytes })
    return { ...spooled, name: name ?? link.filename ?? '', mimeType: mimeType ?? '' }
  }
  try {
    // A file of the desk itself may lie in a private network: the desk's own way is open to it.
    if (new URL(link.url).origin === new URL(number.deskAccess.url).origin) {
      const { deskId, deskAccess } = number
      return await callDesk(bridge, {
        deskId,
        access: deskAccess,
        run: access => fetch(bridge.desk.openFile(access, link.url))
      })
    }
    return await fetch(bridge.openLink(link.url))
  } catch (thrown) {
    throw refusal(asPuenteError(thrown), link, thrown)
  }
}

type Opened = { stream: NodeJS.ReadableStream; name?: string; mimeType?: string; sizeBytes?: number }

/** What lies at somebody else's address is the agent's to mend, whatever is wrong with it. */
function refusal(error: PuenteError, link: TemplateLink, thrown: unknown): unknown {
  const problem = error.code === 'media_origin' ? 'media_private' : 'media_address'
  if (error.code !== 'media_origin' && error.code !== 'media_unfetched' && error.code !== 'desk_not_found')
    return thrown
  return new PuenteError('wa_template_parameters', {
    stage: 'decide',
    cause: error,
    facts: { problem, label: link.label, reason: error.facts['reason'] ?? error.facts['status'] ?? null }
  })
}

export function wrongKind(label: string, mime: string): PuenteError {
  return new PuenteError('wa_template_parameters', { stage: 'decide', facts: { problem: 'media_kind', label, mime } })
}
