/** Contact attributes that a number's policy names as holding phones: does the desk define them? Changes nothing. */
import type { AccountSetup } from '../../adapters/chatwoot/setup-account.ts'
import { attempt } from '../checks/read.ts'
import type { ServedNumber } from '../core/registry.ts'
import { type Finding, namer } from './finding.ts'

/** Empty where the policy names none, or where the desk does not answer, which other findings tell. */
export async function checkPhoneAttributes(account: AccountSetup, number: ServedNumber): Promise<Finding[]> {
  const { extraPhoneAttributes } = number.rules
  if (extraPhoneAttributes.length === 0) return []
  const id = 'number.phone_attributes'
  const { ok, warn } = namer(number.displayPhoneNumber || number.phoneNumberId)
  const defined = await attempt(() => account.listContactAttributes(number.deskAccess))
  if (!defined.ok) return []
  const missing = extraPhoneAttributes.filter(key => !defined.value.includes(key))
  if (missing.length === 0)
    return [ok(id, 'Chatwoot defines the contact attributes in which its policy looks for phones.')]
  return [
    warn(
      id,
      `Its policy looks for phones in contact attributes that Chatwoot does not define: ${missing.join(', ')}. Customers are recognised without any of them meanwhile.`,
      'Make them in Chatwoot (Settings → Custom Attributes → Contact, by this key), or take them out of extraPhoneAttributes and connect again.'
    )
  ]
}
