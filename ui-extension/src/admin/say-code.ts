// Why something stands still, for those who can mend it: our own words where agents are sent to their administrator.
import { useI18n } from 'vue-i18n'

export function useCodes(): (code: string | null, sentence: string | null) => string {
  const { t, te } = useI18n()
  return (code, sentence) =>
    code !== null && te(`admin.code.${code}`) ? t(`admin.code.${code}`) : (sentence ?? code ?? '')
}
