/**
 * `manifest.json`: what Puente is, needs from its hosts and offers them. Connecting makes what stands there; the docs
 * and the admin form read it too. Tests compare it with the code.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'

const version = z.string().regex(/^\d+\.\d+\.\d+$/)
const right = z.object({ right: z.string(), for: z.string() }).strict()
const names = z.object({ en: z.string(), es: z.string(), 'pt-BR': z.string() }).strict()
const field = z
  .object({
    path: z.string(),
    type: z.string(),
    required: z.boolean().optional(),
    secret: z.boolean().optional(),
    about: z.string().optional(),
    env: z.string().optional()
  })
  .strict()

const manifestSchema = z
  .object({
    name: z.string(),
    version: z.string(),
    title: z.string(),
    about: z.string(),
    host: z
      .object({
        name: z.string(),
        /** Below it a failure cannot be shown in the desk. */
        minimum: version,
        /** From here on the desk signs the hooks of API inboxes. */
        signedFrom: version,
        /** From here on the desk calls no private address unless it is told to. */
        privateHooksRefusedFrom: version,
        /** Whose hooks and answers were recorded and are replayed by the tests. */
        tested: z.array(version).min(1)
      })
      .strict(),
    needs: z.object({ chatwoot: z.array(right), whatsapp: z.array(right) }).strict(),
    /** Events of an API inbox that are read. */
    hooks: z.array(z.string()),
    /** Fields of Meta's webhooks. An override reaches those of the number; the others go to the app's own callback. */
    webhooks: z.object({ number: z.array(z.string()), account: z.array(z.string()) }).strict(),
    offers: z
      .object({
        dashboardApp: z.object({ title: z.string(), path: z.string().startsWith('/') }).strict(),
        label: z.object({ title: z.string(), color: z.string() }).strict(),
        folder: z.object({ name: z.string() }).strict(),
        attributes: z.array(
          z.object({ key: z.string(), type: z.enum(['text', 'date']), name: names, about: z.string() }).strict()
        ),
        /** An attribute of contacts, of the type link: opens a new conversation from the contact's page. */
        contactLink: z
          .object({ key: z.string(), path: z.string().startsWith('/'), name: names, about: z.string() })
          .strict()
      })
      .strict(),
    config: z.object({ number: z.array(field), policy: z.array(field), options: z.array(field) }).strict()
  })
  .strict()

export type Manifest = z.infer<typeof manifestSchema>

/** From the sources, or from `dist/plugin` below the same root. */
const file = new URL(import.meta.url.endsWith('.ts') ? '../manifest.json' : '../../manifest.json', import.meta.url)

let read: Manifest | undefined

/** Read once. Throws when the file does not say what it must. */
export function readManifest(): Manifest {
  read ??= manifestSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  return read
}
