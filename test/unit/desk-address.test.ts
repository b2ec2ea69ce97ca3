// How a frame finds its desk, and how a browser finds the desk's pages, when Puente uses an inner address.
import t from 'tap'
import type { DeskRecord, NumberRecord } from '../../plugin/core/ports/store.ts'
import { createRegistry } from '../../plugin/core/registry.ts'
import { createDeskAddresses, deskLink } from '../../plugin/http/api/desk-address.ts'

function addresses(desks: [id: number, url: string, accountId: number][], listed: string[] = []) {
  const registry = createRegistry()
  const records = desks.map(([id, url, accountId]) => ({ id, url, accountId, token: '' }) as DeskRecord)
  const numbers = desks.map(
    ([id]) =>
      ({
        id,
        deskId: id,
        inboxId: 1,
        policy: {},
        appSecrets: [],
        inboxKey: `k${id}`,
        phoneNumberId: `p${id}`
      }) as unknown as NumberRecord
  )
  registry.replace(records, numbers)
  const found = createDeskAddresses(registry, listed)
  return { ...found, desk: (id: number) => records.find(each => each.id === id)! }
}

t.test('a desk is found by the address that Puente uses, or by its account alone where only one fits', async t => {
  const { find, urlOf, desk } = addresses([
    [1, 'https://a.example', 1],
    [2, 'https://b.example/', 1],
    [3, 'https://b.example/', 2]
  ])
  t.equal(find(1, 'https://a.example')?.id, 1)
  t.equal(find(1, 'https://b.example')?.id, 2)
  t.equal(find(1), undefined, 'two desks have such an account')
  t.equal(find(2)?.id, 3)
  t.equal(find(2, 'https://a.example'), undefined)
  t.equal(find(2, 'https://evil.example'), undefined)
  t.equal(urlOf(desk(2)), 'https://b.example')
  t.equal(urlOf(desk(2), 'https://evil.example'), 'https://b.example', 'a frame can say what it likes')
})

t.test('an inner address: the public one among the configured origins stands for it', async t => {
  const { find, urlOf, desk } = addresses([[1, 'http://rails:3000', 1]], ['https://chat.example'])
  t.equal(find(1, 'https://chat.example')?.id, 1)
  t.equal(find(1, 'http://rails:3000')?.id, 1)
  t.equal(find(1, 'https://evil.example'), undefined)
  t.equal(urlOf(desk(1)), 'https://chat.example', 'for scripts, which have no frame')
  t.equal(urlOf(desk(1), 'https://evil.example'), 'https://chat.example')
  t.equal(deskLink(urlOf(desk(1)), 1, 57), 'https://chat.example/app/accounts/1/conversations/57')
})

t.test('several desks behind inner addresses are told apart by their accounts only', async t => {
  const { find, urlOf, desk } = addresses(
    [
      [1, 'http://rails-a:3000', 1],
      [2, 'http://rails-b:3000', 2],
      [3, 'http://rails-c:3000', 2]
    ],
    ['https://a.example', 'https://b.example']
  )
  t.equal(find(1, 'https://a.example')?.id, 1)
  t.equal(urlOf(desk(1), 'https://a.example'), 'https://a.example')
  t.equal(urlOf(desk(1)), 'http://rails-a:3000', 'which of the two is not guessed')
  t.equal(find(2, 'https://b.example'), undefined, 'two desks with that account: neither')
  t.equal(urlOf(desk(2), 'https://b.example'), 'http://rails-b:3000')
})

t.test('a listed origin does not become the address of a desk that is listed itself', async t => {
  const { find, urlOf, desk } = addresses(
    [
      [1, 'https://a.example', 1],
      [2, 'http://rails:3000', 1]
    ],
    ['https://a.example', 'https://b.example']
  )
  t.equal(find(1, 'https://a.example')?.id, 1)
  t.equal(find(1, 'https://b.example')?.id, 2)
  t.equal(urlOf(desk(1)), 'https://a.example')
  t.equal(urlOf(desk(2)), 'https://b.example')
})
