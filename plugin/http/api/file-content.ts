/**
 * The bytes of files that an agent may use, for previews in the tab: fetched with the bearer, so that an address alone
 * shows nothing. Answered as what they were found to be, never as anything that a browser would run.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { PuenteError } from '../../core/errors.ts'
import type { FileRef } from '../../core/talk/instruction.ts'
import { messageParams } from '../contract/common.ts'
import { libraryParams } from '../contract/media.ts'
import { lookAt } from './conversation.ts'
import type { ApiDeps, SignedInAgent } from './deps.ts'
import { findFile } from './found-files.ts'

/** Kinds that browsers draw and do not run; SVG is none of them. */
const DRAWN = /^(image\/(jpeg|png|webp|gif)|video\/(mp4|3gpp)|audio\/[\w.+-]+)$/
/** A preview of more than this helps nobody. */
const MOST_BYTES = 20 * 1024 * 1024

const uploadParams = z.object({ uploadId: z.uuid() })
const fileParams = messageParams.extend({ fileId: z.coerce.number().int().positive() })

export function addFileContent(
  scope: FastifyInstance,
  deps: ApiDeps,
  signedIn: (request: FastifyRequest) => SignedInAgent
): void {
  const add = (path: string, find: (request: FastifyRequest, who: SignedInAgent) => Promise<FileRef>): void => {
    scope.get(path, { logLevel: 'warn', schema: { hide: true } as object }, async (request, reply) => {
      const who = signedIn(request)
      return send(deps, who, await find(request, who), reply)
    })
  }
  const ofDesk = (who: SignedInAgent) => ({ deskId: who.agent.desk.id })

  add('/uploads/:uploadId/content', async ({ params }, who) => {
    const { uploadId } = parse(uploadParams, params)
    return (await findFile(deps, who, ofDesk(who), null, { kind: 'upload', uploadId })).ref
  })
  add('/library/:itemId/content', async ({ params }, who) => {
    const { itemId } = parse(libraryParams, params)
    return (await findFile(deps, who, ofDesk(who), null, { kind: 'library', itemId })).ref
  })
  add('/conversations/:conversationId/messages/:messageId/files/:fileId/content', async ({ params }, who) => {
    const { conversationId, messageId, fileId } = parse(fileParams, params)
    const { number } = await lookAt(deps, who, conversationId)
    return (await findFile(deps, who, number, conversationId, { kind: 'conversation_file', messageId, fileId })).ref
  })
}

function parse<T extends z.ZodType>(shape: T, params: unknown): z.infer<T> {
  const parsed = shape.safeParse(params)
  if (!parsed.success) throw new PuenteError('not_found')
  return parsed.data
}

async function send(deps: ApiDeps, who: SignedInAgent, ref: FileRef, reply: FastifyReply): Promise<FastifyReply> {
  if (ref.from === 'link') throw new PuenteError('not_found')
  if ((ref.sizeBytes ?? 0) > MOST_BYTES) throw new PuenteError('media_too_large')
  const { mime, stream } =
    ref.from === 'stored'
      ? { mime: ref.mimeType, stream: await deps.bridge.storedFiles.open(ref.fileId) }
      : await openOfDesk(deps, who, ref)
  const drawn = DRAWN.test(mime)
  return reply
    .header('content-disposition', drawn ? 'inline' : 'attachment')
    .type(drawn ? mime : 'application/octet-stream')
    .send(stream)
}

async function openOfDesk(
  deps: ApiDeps,
  who: SignedInAgent,
  ref: Extract<FileRef, { from: 'desk' }>
): Promise<{ mime: string; stream: NodeJS.ReadableStream }> {
  const opened = await deps.access.ask(who.agent, access => deps.bridge.desk.openFile(access, ref.url))
  return { mime: (ref.mimeType ?? opened.mimeType ?? '').split(';')[0]!.trim(), stream: opened.stream }
}
