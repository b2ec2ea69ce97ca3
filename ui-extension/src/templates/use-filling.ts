// One template being filled: what the server suggests, what the agent changes, and after each change the preview and
// the problems that the server tells, so that what is shown is what will be sent.
import { computed, onBeforeUnmount, ref, shallowRef, watch } from 'vue'
import type {
  MessagePreview,
  SlotValue,
  SlotValues,
  TemplateDetail,
  TemplateProblem,
  TemplateSummary
} from '../../../plugin/http/contract/template.ts'
import { say } from '../i18n/i18n.ts'
import { call, explain } from '../link/api.ts'

const settleMs = 80

export interface FillingPlace {
  template: TemplateSummary
  numberId: number
  conversationId?: number
  contactId?: number
  phone?: string
  /** What was filled in before the language was changed. */
  carried?: SlotValues
}

/** An empty field is a missing value, not an empty text. */
function isFilled(value: SlotValue | undefined): value is SlotValue {
  if (value === undefined) return false
  return value.kind !== 'text' || value.text !== ''
}

/** Slots of the same name that take the same kind of value. */
function carriedInto(detail: TemplateDetail, carried: SlotValues = {}): SlotValues {
  return Object.fromEntries(Object.entries(carried).filter(([key]) => detail.slots.some(slot => slot.key === key)))
}

export function useFilling(at: FillingPlace) {
  const detail = shallowRef<TemplateDetail>()
  const given = ref<Record<string, SlotValue | undefined>>({})
  const preview = shallowRef<MessagePreview>()
  const problems = shallowRef<TemplateProblem[]>([])
  const loading = ref(false)
  const failed = ref('')
  let timer = 0
  let asking = new AbortController()
  let loaded = Promise.resolve()

  const filled = (): SlotValues =>
    Object.fromEntries(Object.entries(given.value).filter((row): row is [string, SlotValue] => isFilled(row[1])))

  function load(): Promise<void> {
    loaded = read()
    return loaded
  }

  async function read(): Promise<void> {
    loading.value = true
    failed.value = ''
    const { numberId, conversationId, contactId, phone } = at
    try {
      const params = { templateId: at.template.id }
      const told = await call('readTemplate', { params, query: { numberId, conversationId, contactId, phone } })
      const kept = carriedInto(told, at.carried)
      given.value = { ...told.suggested, ...kept }
      preview.value = told.preview
      problems.value = told.problems
      detail.value = told
      if (Object.keys(kept).length > 0) await ask()
    } catch (error) {
      failed.value = explain(error, say('offline.text'))
    }
    loading.value = false
  }

  async function ask(): Promise<void> {
    asking.abort()
    asking = new AbortController()
    const { numberId, conversationId, contactId, phone } = at
    const body = { numberId, conversationId, contactId, phone, values: filled() }
    const { signal } = asking
    try {
      const told = await call('previewTemplate', { params: { templateId: at.template.id }, body }, { signal })
      preview.value = told.preview
      problems.value = told.problems
    } catch {
      // Overtaken by the next key, or nobody answers: sending will tell.
    }
  }

  watch(
    given,
    (_, before) => {
      if (Object.keys(before).length === 0 && loading.value) return
      window.clearTimeout(timer)
      timer = window.setTimeout(ask, settleMs)
    },
    { deep: true }
  )
  onBeforeUnmount(() => {
    window.clearTimeout(timer)
    asking.abort()
  })

  /** Settles what is being read and the last keystroke: true problems before something leaves. */
  async function settle(): Promise<void> {
    await loaded
    window.clearTimeout(timer)
    await ask()
  }

  return { detail, given, filled: computed(filled), preview, problems, loading, failed, load, settle }
}
