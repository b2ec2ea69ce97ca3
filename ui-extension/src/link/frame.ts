// Talks to the page that frames us, by Chatwoot's protocol: it posts `appContext` when the frame has loaded, and again
// whenever it is asked. The desk never tells of changes by itself.
import { type Place, readContext } from './read-context.ts'

const question = 'chatwoot-dashboard-app:fetch-info'

interface WebView {
  postMessage(text: string): void
}

const webView = (): WebView | undefined =>
  (globalThis as unknown as { ReactNativeWebView?: WebView }).ReactNativeWebView

/** True when nobody frames us: a window of its own, or the mobile app's web view. */
export const isTopLevel = window.parent === window

export const inWebView = (): boolean => webView() !== undefined

export function askForContext(): void {
  if (inWebView()) webView()?.postMessage(question)
  else if (!isTopLevel) window.parent.postMessage(question, '*')
}

/** Calls back with every context; the answer stops listening. */
export function listenForContext(take: (place: Place) => void): () => void {
  function onMessage(event: MessageEvent): void {
    // The web view injects a message from this very window; a frame hears its parent only.
    const fromDesk = isTopLevel ? event.source === null || event.source === window : event.source === window.parent
    if (!fromDesk) return
    const place = readContext(event.data, isTopLevel ? null : event.origin)
    if (place !== null) take(place)
  }
  window.addEventListener('message', onMessage)
  return () => window.removeEventListener('message', onMessage)
}
