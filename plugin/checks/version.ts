/** Versions of Chatwoot: compared, and held against what the manifest says that Puente works with. */
import type { Manifest } from '../manifest.ts'
import { type CheckResult, fail, ok, warn } from './check.ts'

/** Below zero when `a` is older. What is behind a dash (`4.17.0-rc1`) does not count. */
export function compareVersions(a: string, b: string): number {
  const parts = (version: string): number[] =>
    version
      .split('-')[0]!
      .split('.')
      .map(part => Number(part) || 0)
  const [left, right] = [parts(a), parts(b)]
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

export function judgeVersion(version: string | null, host: Manifest['host']): CheckResult {
  const id = 'desk.version'
  if (version === null) {
    const says = 'Chatwoot does not say its version.'
    return warn(id, says, `Make sure that it is ${host.signedFrom} or newer.`)
  }
  if (compareVersions(version, host.minimum) < 0) {
    const says = `Chatwoot ${version} is too old: it cannot show why a message failed.`
    return fail(id, says, `Upgrade Chatwoot to ${host.signedFrom} or newer.`)
  }
  if (compareVersions(version, host.signedFrom) < 0) {
    const says = `Chatwoot ${version} does not sign its hooks: only their address, which nobody can guess, protects them.`
    return warn(id, says, `Upgrade Chatwoot to ${host.signedFrom} or newer.`)
  }
  if (host.tested.some(each => compareVersions(version, each) === 0)) return ok(id, `Chatwoot ${version}.`)
  const tested = host.tested.join(', ')
  return ok(
    id,
    `Chatwoot ${version}; what the tests repeat was recorded on ${tested}, npm run conformance tells how yours differs.`
  )
}
