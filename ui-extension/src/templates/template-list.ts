// The templates of a number, read once and searched here; the server is asked again only when it has more than that.
import { ref, shallowRef, watch } from 'vue'
import type { TemplateList } from '../../../plugin/http/contract/template.ts'
import { say } from '../i18n/i18n.ts'
import { call, explain } from '../link/api.ts'

const mostAtOnce = 500

/** For whom they are to be: their language goes first, what they refused is marked. */
export interface TemplatesFor {
  numberId: number
  conversationId?: number
  contactId?: number
  phone?: string
}

export function useTemplates(whom: () => TemplatesFor) {
  const list = shallowRef<TemplateList>()
  const problem = ref('')
  const loading = ref(false)
  let asked = 0
  let cut = false

  async function load(query = '', status: 'approved' | 'any' = 'approved'): Promise<void> {
    const mine = ++asked
    loading.value = true
    problem.value = ''
    try {
      const told = await call('listTemplates', {
        query: {
          ...whom(),
          limit: mostAtOnce,
          ...(query ? { query } : {}),
          ...(status === 'any' ? { status } : {})
        }
      })
      if (mine !== asked) return
      list.value = told
      if (query === '') cut = told.templates.length >= mostAtOnce
    } catch (error) {
      if (mine === asked) problem.value = explain(error, say('offline.text'))
    }
    if (mine === asked) loading.value = false
  }

  /** The server has more than was read: then it searches, else the page does. */
  const isCut = (): boolean => cut
  watch(
    () => JSON.stringify(whom()),
    () => load()
  )
  return { list, problem, loading, load, isCut }
}
