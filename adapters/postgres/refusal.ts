/** Why PostgreSQL refused: for what a row holds, for another one at work, or for being away. */

const sqlState = (error: unknown): string => String((error as { code?: unknown }).code ?? '')

export function isDeadlock(error: unknown): boolean {
  return sqlState(error) === '40P01' || sqlState(error) === '40001'
}

/** Class 22 (data exception) and 23 (constraint): the fault of a row, not of the server. */
export function isDataError(error: unknown): boolean {
  return /^2[23]/.test(sqlState(error))
}

export function isConnectionError(error: unknown): boolean {
  const state = sqlState(error)
  return !/^[0-9A-Z]{5}$/.test(state) || /^(08|57|53)/.test(state)
}
