/**
 * What a slot of a template is probably meant to be filled from: by its name where it has one, else by the words around
 * it ("Hola {{1}}", "order {{2}}"). A guess that the agent sees and may change. Pure.
 */
import type { Slot } from '../../core/templates/model.ts'
import type { SlotSource } from '../contract/template.ts'

const NAMED: Readonly<Record<string, string>> = {
  name: 'contact.first_name',
  first_name: 'contact.first_name',
  nombre: 'contact.first_name',
  nome: 'contact.first_name',
  primeiro_nome: 'contact.first_name',
  customer_name: 'contact.first_name',
  full_name: 'contact.name',
  email: 'contact.email',
  phone: 'contact.phone',
  telefono: 'contact.phone',
  telefone: 'contact.phone',
  agent: 'agent.first_name',
  agent_name: 'agent.first_name'
}

/** Words right before a slot, without accents: who is greeted, who is speaking, what is told. */
const BEFORE: readonly [RegExp, string][] = [
  [
    /\b(hi|hello|hey|dear|welcome|hola|buen[oa]s (dias|tardes|noches)|estimad[oa]s?|querid[oa]s?|gracias|thanks|thank you|ola|oi|bom dia|boa (tarde|noite)|prezad[oa]s?|car[oa]|obrigad[oa]|bonjour|salut|merci|hallo|ciao|buongiorno|grazie)$/,
    'contact.first_name'
  ],
  [
    /\b(my name is|this is|i am|i'm|me llamo|mi nombre es|te habla|le habla|soy|meu nome e|me chamo|aqui e [oa]?|sou [oa]?)$/,
    'agent.first_name'
  ],
  [/\b(e-?mail|correo)( electronico)?( address)?$/, 'contact.email'],
  [/\b(phone|telefono|telefone|celular|movil)( number)?$/, 'contact.phone']
]
/** The very beginning of a text that goes on with a comma or an exclamation mark is a name, too; so is "Good news, {{1}}!". */
const ADDRESSED = /^\s*[,!]/
const CALLED = { before: /,\s*[*_]*$/, after: /^[*_]*\s*!/ }

/** Words that say nothing about what follows them. */
const FILLING = new Set(
  'a an the of is are in on at to for no nr number your our el la los las un una de del es su sus tu en para por numero o os as do da dos das e seu sua n'.split(
    ' '
  )
)

export function guessSource(
  { label, context }: Pick<Slot, 'label' | 'context'>,
  sources: readonly SlotSource[]
): SlotSource | undefined {
  const wanted = plain(label).replace(/[^\p{L}\p{N}]+/gu, '_')
  const key = NAMED[wanted]
  const named = sources.find(source => source.key === key || source.key.toLowerCase().endsWith(`.custom.${wanted}`))
  if (named !== undefined || context === null || !/^\d+$/.test(label)) return named
  // The sentence that it stands in; what was said before is of something else.
  const before = plain(context.before)
    .replace(/[*_~`"'«“([#:№º°]+/g, ' ')
    .split(/[.!?\n]/)
    .at(-1)!
    .trim()
    .replace(/[,¡¿]+$/, '')
    .trim()
  const known = BEFORE.find(([words]) => words.test(before))?.[1]
  if (known !== undefined) return sources.find(source => source.key === known)
  if (before === '' && context.before.trim() === '' && ADDRESSED.test(context.after)) {
    return sources.find(source => source.key === 'contact.first_name')
  }
  if (CALLED.before.test(context.before) && CALLED.after.test(context.after)) {
    return sources.find(source => source.key === 'contact.first_name')
  }
  return attributeCalled(before, sources)
}

/** "Your order {{2}}" and an attribute `order_id`: by the last word that says something. */
function attributeCalled(before: string, sources: readonly SlotSource[]): SlotSource | undefined {
  const words = before.split(/[^\p{L}\p{N}]+/u).filter(word => word !== '' && !FILLING.has(word))
  const word = words.at(-1)
  if (word === undefined || word.length < 3) return undefined
  const attributes = sources.filter(source => source.key.includes('.custom.'))
  const partsOf = (source: SlotSource): string[] =>
    plain(source.key.slice(source.key.indexOf('.custom.') + '.custom.'.length)).split(/[^\p{L}\p{N}]+/u)
  const exact = attributes.find(source => partsOf(source).join('_') === word)
  const partly = attributes.filter(source => partsOf(source).includes(word))
  // Two that fit equally well are no answer.
  return exact ?? (partly.length === 1 ? partly[0] : undefined)
}

function plain(words: string): string {
  return words.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
}
