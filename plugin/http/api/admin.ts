/** API keys: made and ended by administrators, for their own account only. */
import { PuenteError } from '../../core/errors.ts'
import type { ApiKey } from '../../core/ports/agent-store.ts'
import type { ApiKeyInfo } from '../contract/admin.ts'
import { KEY_PREFIX } from '../session/bearer.ts'
import type { ApiDeps, Handlers } from './deps.ts'

type AdminHandlers = Pick<Handlers, 'listApiKeys' | 'createApiKey' | 'revokeApiKey'>

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
    }
  }
}
