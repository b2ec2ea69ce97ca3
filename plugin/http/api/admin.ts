/** API keys and hooks of macros: made and ended by administrators, for their own account only. */
import { PuenteError } from '../../core/errors.ts'
import type { ApiKey, MacroHook } from '../../core/ports/agent-store.ts'
import type { ApiKeyInfo, MacroHookInfo } from '../contract/admin.ts'
import { KEY_PREFIX } from '../session/bearer.ts'
import type { ApiDeps, Handlers } from './deps.ts'
import { findTemplate, numberFor } from './templates.ts'

type AdminHandlers = Pick<
  Handlers,
  'listApiKeys' | 'createApiKey' | 'revokeApiKey' | 'listMacroHooks' | 'createMacroHook' | 'revokeMacroHook'
>

export function adminHandlers(deps: ApiDeps): AdminHandlers {
  const { agents, bridge } = deps
  const toKey = (key: ApiKey): ApiKeyInfo => ({
    id: key.id,
    name: key.name,
    accountId: bridge.registry.desks().find(desk => desk.id === key.deskId)?.accountId ?? null,
    hint: key.hint,
    createdAt: key.createdAt.toISOString(),
    lastUsedAt: key.usedAt?.toISOString() ?? null
  })
  return {
    async listApiKeys(_input, { agent: who }) {
      return { keys: (await agents.listApiKeys(who.agent.desk.id)).map(toKey) }
    },

    async createApiKey({ body }, { agent: who }) {
      const key = `${KEY_PREFIX}${deps.newSecret()}`
      const made = await agents.createApiKey({ id: bridge.newId(), deskId: who.agent.desk.id, name: body.name }, key)
      bridge.log.info({ desk: who.agent.desk.id, key: made.id, agent: who.agent.id }, 'API key made')
      return { key, info: toKey(made) }
    },

    async revokeApiKey({ params }, { agent: who }) {
      if (!(await agents.revokeApiKey(who.agent.desk.id, params.id))) throw new PuenteError('not_found')
      bridge.log.info({ desk: who.agent.desk.id, key: params.id, agent: who.agent.id }, 'API key ended')
      return { ok: true }
    },

    async listMacroHooks(_input, { agent: who }) {
      return { hooks: (await agents.listMacroHooks(who.agent.desk.id)).map(toHook) }
    },

    async createMacroHook({ body }, { agent: who, request }) {
      const number = await numberFor(deps, who, body.numberId)
      const template = await findTemplate(deps, number, body.templateId)
      const secret = deps.newSecret()
      const hook = await agents.createMacroHook(
        {
          id: bridge.newId(),
          deskId: who.agent.desk.id,
          numberId: number.id,
          name: body.name,
          templateId: template.id,
          templateName: template.name,
          language: template.language,
          slots: body.slots
        },
        secret
      )
      bridge.log.info({ desk: who.agent.desk.id, hook: hook.id, agent: who.agent.id }, 'hook made')
      return { url: `${deps.publicUrl(request)}/api/v1/hooks/${secret}`, hook: toHook(hook) }
    },

    async revokeMacroHook({ params }, { agent: who }) {
      if (!(await agents.revokeMacroHook(who.agent.desk.id, params.id))) throw new PuenteError('not_found')
      return { ok: true }
    }
  }
}

function toHook(hook: MacroHook): MacroHookInfo {
  const { id, name, numberId, templateId, templateName, language, slots } = hook
  return {
    id,
    name,
    numberId,
    templateId,
    templateName,
    language,
    slots,
    createdAt: hook.createdAt.toISOString(),
    lastUsedAt: hook.usedAt?.toISOString() ?? null
  }
}
