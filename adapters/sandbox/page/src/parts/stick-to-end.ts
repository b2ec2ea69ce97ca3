// Keeps a list scrolled to its end while the reader is there; leaves it alone when they have scrolled up.
import { nextTick, onMounted, type Ref, ref, watch } from 'vue'

const nearPx = 90

export function useStickToEnd(list: Ref<HTMLElement | undefined>, contentKey: () => unknown, subject: () => unknown) {
  const away = ref(false)

  function toEnd(): void {
    const element = list.value
    if (element) element.scrollTop = element.scrollHeight
    away.value = false
  }

  function onScroll(): void {
    const element = list.value
    if (element) away.value = element.scrollHeight - element.scrollTop - element.clientHeight > nearPx
  }

  watch(contentKey, async () => {
    if (away.value) return
    await nextTick()
    toEnd()
  })
  watch(subject, async () => {
    await nextTick()
    toEnd()
  })
  onMounted(() => {
    toEnd()
    // Pictures grow when they arrive; `load` does not bubble but can be captured.
    list.value?.addEventListener('load', () => away.value || toEnd(), true)
  })

  return { away, toEnd, onScroll }
}
