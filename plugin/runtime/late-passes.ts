/**
 * Reconciliation: an unheard answer that was too young for one pass is looked at once more, as soon as its hook can no longer
 * be on its way.
 */

export interface LatePasses {
  /** A pass, and one more after the grace if it saw something young. Does nothing while a later pass waits and `beat` is set. */
  run(deep: boolean): Promise<void>
  beat(): Promise<void>
  stop(): void
}

export function createLatePasses(
  reconcile: (deep: boolean) => Promise<{ young: boolean }>,
  againInMs: number
): LatePasses {
  const waiting = new Set<NodeJS.Timeout>()
  let stopped = false
  const run = async (deep: boolean): Promise<void> => {
    if (stopped) return
    const { young } = await reconcile(deep)
    if (!young || stopped) return
    const timer = setTimeout(() => {
      waiting.delete(timer)
      run(false).catch(() => {})
    }, againInMs)
    waiting.add(timer)
  }
  return {
    run,
    beat: () => (waiting.size > 0 ? Promise.resolve() : run(false)),
    stop() {
      stopped = true
      for (const timer of waiting) clearTimeout(timer)
    }
  }
}
