// The sandbox's doors as functions. Everything is on the page's own origin; errors say what the door said.

export interface DoorError extends Error {
  status: number
}

function makeError(status: number, message: string): DoorError {
  return Object.assign(new Error(message), { status })
}

const timeoutMs = 15_000

async function ask(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<unknown> {
  let answer: Response
  try {
    answer = await fetch(path, {
      method,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs)
    })
  } catch {
    throw makeError(0, 'The sandbox does not answer')
  }
  const text = await answer.text()
  let read: unknown = text
  try {
    read = JSON.parse(text)
  } catch {
    // A door that answers plain text.
  }
  if (!answer.ok) {
    const told = (read ?? {}) as { error?: unknown; message?: unknown }
    const said = typeof told.error === 'string' ? told.error : told.message
    throw makeError(answer.status, typeof said === 'string' ? said : `The sandbox answered ${answer.status}`)
  }
  return read
}

export const getDoor = <T>(path: string): Promise<T> => ask('GET', path) as Promise<T>
export const postDoor = <T>(path: string, body: unknown): Promise<T> => ask('POST', path, body) as Promise<T>
