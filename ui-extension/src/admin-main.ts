import { createApp } from 'vue'
import './styles/base.css'
import AdminPage from './admin/admin-page.vue'
import { speakAdmin } from './admin/words.ts'
import { guessLocale, i18n } from './i18n/i18n.ts'
import { applyLook } from './look.ts'

async function boot(): Promise<void> {
  applyLook()
  await speakAdmin(guessLocale())
  createApp(AdminPage).use(i18n).mount('#page')
}

boot()
