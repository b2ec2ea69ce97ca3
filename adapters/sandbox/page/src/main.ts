import { createApp } from 'vue'
import './styles/tokens.css'
import './styles/base.css'
import './styles/prose.css'
import SandboxPage from './sandbox-page.vue'

createApp(SandboxPage).mount('#page')
