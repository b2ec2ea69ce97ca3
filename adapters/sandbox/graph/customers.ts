/** The people on the other side: found by any of their ids, made on the fly when an unknown number turns up. */
import { countryOf, defaultCustomers, deriveUserId, makeCustomer, toWaId } from './identity.ts'
import type { Customer } from './model.ts'

const MAX_CUSTOMERS = 200_000

export interface Customers {
  all(): Customer[]
  /** By handle, wa_id, phone in any writing, user id or username. */
  find(key: string): Customer | undefined
  /** Finds, or makes a customer of a phone number or user id. Undefined when the key is neither. */
  findOrMake(key: string, name?: string): Customer | undefined
  add(given: Partial<Customer> & { id: string }): Customer
  /** Gives a customer another number and, as WhatsApp does, another user id. */
  changeNumber(customer: Customer, phone: string): { previousWaId: string | null; previousUserId: string }
  changeUserId(customer: Customer): string
  restore(list: Customer[]): void
}

const USER_ID = /^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$/

export function createCustomers(instance: string): Customers {
  const byId = new Map<string, Customer>()
  const byKey = new Map<string, Customer>()
  let changes = 0

  function index(customer: Customer) {
    byKey.set(customer.userId, customer)
    if (customer.waId) {
      byKey.set(customer.waId, customer)
      byKey.set(toWaId(customer.waId), customer)
    }
    if (customer.username) byKey.set(`@${customer.username.toLowerCase()}`, customer)
  }

  function enter(customer: Customer): Customer {
    byId.set(customer.id, customer)
    index(customer)
    if (byId.size > MAX_CUSTOMERS) {
      const oldest = [...byId.values()].find(one => /^\d+$/.test(one.id))
      if (oldest) {
        byId.delete(oldest.id)
        for (const key of [oldest.userId, oldest.waId, oldest.waId && toWaId(oldest.waId)]) if (key) byKey.delete(key)
      }
    }
    return customer
  }

  function find(key: string): Customer | undefined {
    const direct = byId.get(key) ?? byKey.get(key)
    if (direct) return direct
    if (/^[+\d][\d\s().-]*$/.test(key)) return byKey.get(toWaId(key))
    return byKey.get(key.startsWith('@') ? key.toLowerCase() : `@${key.toLowerCase()}`)
  }

  for (const customer of defaultCustomers(instance)) enter(customer)

  return {
    all: () => [...byId.values()],
    find,
    findOrMake(key, name) {
      const known = find(key)
      if (known) return known
      if (USER_ID.test(key))
        return enter(makeCustomer(instance, key, { id: key, userId: key, waId: null, name: name ?? 'Somebody' }))
      const digits = key.replace(/\D/g, '')
      if (!/^[+\d][\d\s().-]*$/.test(key) || digits.length < 7 || digits.length > 15) return undefined
      const waId = toWaId(digits)
      return enter(
        makeCustomer(instance, waId, {
          id: waId,
          waId,
          phoneDigits: digits,
          name: name ?? `Customer ${waId.slice(-4)}`
        })
      )
    },
    add(given) {
      const known = byId.get(given.id)
      if (!known) return enter(makeCustomer(instance, given.id, given))
      Object.assign(known, given)
      index(known)
      return known
    },
    changeNumber(customer, phone) {
      const previousWaId = customer.waId
      const previousUserId = customer.userId
      if (previousWaId) {
        byKey.delete(previousWaId)
        byKey.delete(toWaId(previousWaId))
      }
      byKey.delete(previousUserId)
      customer.waId = toWaId(phone)
      customer.phoneDigits = phone.replace(/\D/g, '')
      customer.userId = deriveUserId(instance, countryOf(customer.waId), `${customer.id}#${++changes}#${customer.waId}`)
      index(customer)
      return { previousWaId, previousUserId }
    },
    changeUserId(customer) {
      const previous = customer.userId
      byKey.delete(previous)
      customer.userId = deriveUserId(instance, previous.slice(0, 2), `${customer.id}#${++changes}#${previous}`)
      index(customer)
      return previous
    },
    restore(list) {
      byId.clear()
      byKey.clear()
      for (const customer of list) enter(customer)
      changes = list.length
    }
  }
}
