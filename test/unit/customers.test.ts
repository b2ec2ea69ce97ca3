/** Ids of customers are opened once, whoever asks for them. */
import type pg from 'pg'
import t from 'tap'
import { createCustomers } from '../../adapters/postgres/customers.ts'

t.test('the same sealed ids are opened once, and whoever gets them may change his own', async t => {
  let opened = 0
  const customers = createCustomers({} as pg.Pool, {
    seal: plain => Buffer.concat([Buffer.from([0xff, 0x80, 0x00]), plain]),
    open: sealed => {
      opened++
      return sealed.subarray(3)
    },
    hash: text => Buffer.from(text)
  })
  const sealed = customers.sealIds({ waId: '34600111222', name: 'Ana' })
  const mine = customers.openIds(sealed)
  mine.name = 'somebody else'
  t.same(customers.openIds(Buffer.from(sealed)), { waId: '34600111222', name: 'Ana' })
  t.equal(opened, 1)
  t.same(customers.openIds(customers.sealIds({ waId: '34600111223' })), { waId: '34600111223' })
  t.equal(opened, 2)
  customers.forget()
  customers.openIds(sealed)
  t.equal(opened, 3)
})
