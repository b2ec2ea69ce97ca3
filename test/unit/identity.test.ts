import fc from 'fast-check'
import t from 'tap'
import {
  aliasesOf,
  canonicalPhone,
  displayName,
  groupIdentifier,
  identifierFor,
  isSameCustomer,
  laneCustomerKey,
  needsVariantLookup,
  PHONE_RULES,
  phoneDigits,
  variantsOf
} from '../../plugin/core/identity.ts'

t.test('S44: both spellings of a line in Brazil, Argentina and Mexico are one person', async t => {
  const pairs: [string, string, string][] = [
    ['553198765432', '5531998765432', '5531998765432'],
    ['551187654321', '5511987654321', '5511987654321'],
    ['541122334455', '5491122334455', '5491122334455'],
    ['5492966123456', '542966123456', '5492966123456'],
    ['5215512345678', '525512345678', '525512345678']
  ]
  for (const [one, other, canonical] of pairs) {
    t.equal(canonicalPhone(one), canonical)
    t.equal(canonicalPhone(other), canonical)
    t.strictSame(new Set(variantsOf(one)), new Set(['+' + one, '+' + other]))
    t.strictSame(variantsOf(one), variantsOf(other), 'and the filter gets the same values from either')
    t.ok(needsVariantLookup(one))
    t.ok(isSameCustomer({ waId: one }, { waId: other }))
  }
})

t.test('S44: a Brazilian landline never had a ninth digit and stays what it is', async t => {
  t.equal(canonicalPhone('554532782153'), '554532782153')
  t.strictSame(variantsOf('554532782153'), ['+554532782153'])
  t.notOk(needsVariantLookup('554532782153'))
  t.notOk(
    isSameCustomer({ waId: '554532782153' }, { waId: '5545932782153' }),
    'nor is it the mobile with a 9 before it'
  )
})

t.test('numbers of other countries have one spelling', async t => {
  for (const waId of ['15550100301', '34600111222', '521', '5', '4915112345678', '5491', '55']) {
    t.equal(canonicalPhone(waId), waId)
    t.strictSame(variantsOf(waId), ['+' + waId])
    t.notOk(needsVariantLookup(waId))
  }
  t.strictSame(variantsOf(''), [])
  t.strictSame(variantsOf('no phone'), [])
  t.notOk(needsVariantLookup(undefined))
})

t.test('a phone is read in any spelling', async t => {
  t.equal(phoneDigits('+55 (31) 99876-5432'), '5531998765432')
  t.equal(phoneDigits('0055 31 99876 5432'), '5531998765432')
  t.equal(canonicalPhone('+54 9 11 2233-4455'), '5491122334455')
})

t.test('folding is idempotent, and every spelling folds to the same key', async () => {
  const digits = fc.stringMatching(/^(55|54|549|52|521|1|34)[0-9]{6,12}$/)
  fc.assert(
    fc.property(digits, phone => {
      const canonical = canonicalPhone(phone)
      const folded = [canonical, ...variantsOf(phone)].every(each => canonicalPhone(each) === canonical)
      return folded && variantsOf(phone).includes('+' + phone)
    }),
    { numRuns: 2000 }
  )
})

t.test('each country rule says when it was true and where it is written', async t => {
  for (const rule of PHONE_RULES) {
    t.match(rule.asOf, /^\d{4}-\d{2}-\d{2}$/)
    t.ok(rule.source.length > 20)
  }
})

t.test('S3: aliases go from the strongest to the weakest and leave user names out', async t => {
  const ids = { userId: 'BR.123abc', parentUserId: 'BR.ENT.9', waId: '553198765432', username: 'mara' }
  t.strictSame(aliasesOf(ids), ['u:BR.123abc', 'p:BR.ENT.9', 'w:5531998765432'])
  t.strictSame(aliasesOf({ username: 'mara', name: 'Mara' }), [])
  t.equal(laneCustomerKey(ids), 'u:BR.123abc')
  t.equal(laneCustomerKey({ waId: '553198765432' }), 'w:5531998765432')
  t.equal(laneCustomerKey({ username: 'mara' }), undefined)
  t.ok(isSameCustomer({ userId: 'US.1', waId: '1555' }, { waId: '1555' }))
  t.notOk(isSameCustomer({ userId: 'US.1' }, { userId: 'US.2' }))
  t.notOk(isSameCustomer({}, {}), 'two events that name nobody are not the same person')
})

t.test('a group is one lane and one contact, whoever writes', async t => {
  t.equal(laneCustomerKey({ userId: 'US.1' }, 'G1'), 'g:G1')
  t.equal(laneCustomerKey({ userId: 'US.2' }, 'G1'), 'g:G1')
  t.equal(groupIdentifier('G1'), 'wa:group:G1')
})

t.test('the contact identifier is the user id, or else the wa_id as Meta gave it', async t => {
  t.equal(identifierFor({ userId: 'US.1', waId: '15550100301' }), 'wa:US.1')
  t.equal(identifierFor({ waId: '5215512345678' }), 'wa:5215512345678')
  t.equal(identifierFor({ name: 'Mara' }), undefined)
})

t.test('a contact always has a name that a person can read', async t => {
  t.equal(displayName({ name: '  Mara \n Ibsen ', waId: '15550100301' }), 'Mara Ibsen')
  t.equal(displayName({ name: ' ', username: '@mara.ibsen', waId: '15550100301' }), '@mara.ibsen')
  t.equal(displayName({ name: '\u3164\u200b', waId: '15550100301' }), '+15550100301', 'a blank name is no name')
  t.equal(displayName({ userId: 'US.8t3Qk1Zp0Lx7Va2Nd5Rw' }), 'WhatsApp 2Nd5Rw')
  t.equal(displayName({}), 'WhatsApp')
  t.equal(displayName({ name: '\u202eevil\u202c' }), 'evil', 'no name turns the line around')
  t.equal([...displayName({ name: '👩‍👩‍👧'.repeat(200) })].length, 120)
})
