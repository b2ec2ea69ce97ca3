import t from 'tap'
import { guessSource } from '../../plugin/http/api/guess-source.ts'

const sources = [
  'contact.name',
  'contact.first_name',
  'contact.email',
  'contact.phone',
  'agent.first_name',
  'contact.custom.city',
  'conversation.custom.order_id',
  'conversation.custom.pedido',
  'conversation.custom.invoice_date',
  'conversation.custom.invoice_total'
].map(key => ({ key, label: key, value: 'x' }))

const guess = (before: string, after = '', label = '1') =>
  guessSource({ label, context: { before, after } }, sources)?.key

t.test('S97: a slot by number is guessed from the words around it', async t => {
  for (const greeting of [
    'Hola ',
    'Hi ',
    '¡Hola, ',
    'Hello *',
    'Dear ',
    'Buenos días ',
    'Estimado ',
    'Olá ',
    'Bom dia, ',
    'Thank you '
  ]) {
    t.equal(guess(greeting, ', your'), 'contact.first_name', greeting)
  }
  t.equal(guess('', ', your parcel is here'), 'contact.first_name', 'addressed at the very beginning')
  t.equal(guess('Good news, ', '! Use code '), 'contact.first_name', 'called by name')
  t.equal(guess('Good news. My name is '), 'agent.first_name')
  t.equal(guess('Hola Ana, soy '), 'agent.first_name')
  t.equal(guess(', your order '), 'conversation.custom.order_id')
  t.equal(guess('Tu pedido n.º ', ' está listo'), undefined, 'cut off by the full stop of an abbreviation: no guess')
  t.equal(guess('Tu pedido #', ' está listo'), 'conversation.custom.pedido')
  t.equal(guess('We come to your city '), 'contact.custom.city')
  t.equal(guess('of the invoice '), undefined, 'two attributes fit equally well')
  t.equal(guess('arrives on '), undefined)
  t.equal(guess('Hi there. Use the code '), undefined, 'the greeting belongs to another sentence')
  t.equal(guess(''), undefined)
})

t.test('S97: a slot by name is guessed from its name', async t => {
  t.equal(guess('whatever', '', 'first name'), 'contact.first_name')
  t.equal(guess('Hola ', '', 'city'), 'contact.custom.city')
  t.equal(guess('Hola ', '', 'discount code'), undefined, 'what has a name of its own is no greeting')
})
