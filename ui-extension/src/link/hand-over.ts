// Takes a paired session along into a window of its own, which shares no storage with a frame of another host: by a
// one-time ticket in the fragment of its address. A silent sign-in needs none.
import { onBeforeUnmount, type Ref, ref, watch } from 'vue'
import { call } from './api.ts'
import { session } from './session.ts'

/** A ticket lasts two minutes; a form may stay open for longer. */
const ticketAgainMs = 100_000

/** The address with a fresh ticket for as long as it is shown; empty: it is not. */
export function useHandedOver(address: () => string): Ref<string> {
  const href = ref('')
  let timer = 0

  async function bringTicket(): Promise<void> {
    const bare = address()
    try {
      const { ticket } = await call('openHandover', {})
      href.value = `${bare}#ticket=${ticket}`
    } catch {
      // The window itself asks who is there.
      href.value = bare
    }
  }

  watch(
    address,
    bare => {
      window.clearInterval(timer)
      href.value = bare
      if (!bare || session.value?.mode !== 'paired') return
      bringTicket()
      timer = window.setInterval(bringTicket, ticketAgainMs)
    },
    { immediate: true }
  )
  onBeforeUnmount(() => window.clearInterval(timer))
  return href
}
