// Sending from a form: busy, refused, done. The intention (its key) is renewed only after it went well or was changed,
// so that pressing again after a lost answer repeats the same request.
import { ref } from 'vue'
import type { Problem, SendInfo } from '../../../plugin/http/contract/common.ts'
import type { MessageToSend } from '../../../plugin/http/contract/message.ts'
import { say } from '../i18n/i18n.ts'
import { isFailing } from '../link/api.ts'
import { newIntention, sendMessage } from './sending.ts'

export function useSend() {
  const busy = ref(false)
  const problem = ref('')
  const details = ref<NonNullable<Problem['problems']>>([])
  let intention = newIntention()
  let lastSent = ''

  /** True when it was taken. */
  async function run(content: unknown, work: (key: string) => Promise<unknown>): Promise<boolean> {
    if (busy.value) return false
    const now = JSON.stringify(content)
    if (now !== lastSent) intention = newIntention()
    lastSent = now
    busy.value = true
    problem.value = ''
    details.value = []
    try {
      await work(intention.key)
      intention = newIntention()
      lastSent = ''
      return true
    } catch (error) {
      problem.value = isFailing(error) && error.problem ? error.problem.title : say('offline.sending')
      details.value = isFailing(error) ? (error.problem?.problems ?? []) : []
      return false
    } finally {
      busy.value = false
    }
  }

  const send = (message: MessageToSend, label: string): Promise<boolean> =>
    run(message, (key): Promise<SendInfo> => sendMessage(message, label, { key }))

  return { busy, problem, details, run, send }
}
