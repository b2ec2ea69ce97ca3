/** What the error codes of node:http and undici say about a failed request. Pure. */
import { NOT_PUBLIC_CODE } from './public-address.ts'
import type { HttpFailure } from './types.ts'

/** Codes that exist only while a connection is being made: nothing can have been sent. */
export function isConnectFailure(cause: unknown): boolean {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code
  return code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EAI_AGAIN'
}

export function reasonOf(cause: NodeJS.ErrnoException): HttpFailure['reason'] {
  switch (cause.code) {
    case 'ECONNREFUSED':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
      return 'refused'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EAI_FAIL':
    case 'EAI_NODATA':
      return 'unresolved'
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ECONNABORTED':
    // The other side closed in the middle, also of an answer of announced length.
    case 'UND_ERR_SOCKET':
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
    case 'UND_ERR_DESTROYED':
    case 'UND_ERR_CLOSED':
      return 'reset'
    case 'ETIMEDOUT':
    case 'ESOCKETTIMEDOUT':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return 'timeout'
    case NOT_PUBLIC_CODE:
      return 'prevented'
    default:
      return 'other'
  }
}
