import { boot } from './boot.ts'
import NewPage from './start/new-page.vue'

boot(NewPage)
