// What the page remembers between openings: look, language, nothing else of weight. A frame may be forbidden to keep
// anything; then it simply forgets.

export function readKept(key: string): string | null {
  try {
    return window.localStorage.getItem(`puente.${key}`)
  } catch {
    return null
  }
}

export function keep(key: string, value: string | null): void {
  try {
    if (value === null) window.localStorage.removeItem(`puente.${key}`)
    else window.localStorage.setItem(`puente.${key}`, value)
  } catch {
    // Forbidden here: the choice holds until the page is closed.
  }
}

/** Until the browser's tab is closed: a paired session must outlive the fresh frame of every conversation. */
export function readForTab(key: string): string | null {
  try {
    return window.sessionStorage.getItem(`puente.${key}`)
  } catch {
    return null
  }
}

export function keepForTab(key: string, value: string | null): void {
  try {
    if (value === null) window.sessionStorage.removeItem(`puente.${key}`)
    else window.sessionStorage.setItem(`puente.${key}`, value)
  } catch {
    // As above: then pairing is asked for again.
  }
}
