/**
 * Character references of HTML (`&amp;`, `&#8364;`) as Markdown renderers resolve them. Numeric ones all; of the two
 * thousand names only those that people and editors really write. Source: HTML Living Standard, named references.
 */

const NAMED: Record<string, string> = Object.fromEntries(
  (
    'amp:& lt:< gt:> quot:" apos:\' nbsp:\u00a0 iexcl:¡ iquest:¿ cent:¢ pound:£ yen:¥ euro:€ copy:© reg:® trade:™ ' +
    'sect:§ para:¶ deg:° plusmn:± micro:µ middot:· laquo:« raquo:» times:× divide:÷ frac12:½ frac14:¼ frac34:¾ ' +
    'sup1:¹ sup2:² sup3:³ ordf:ª ordm:º hellip:… bull:• ndash:– mdash:— lsquo:‘ rsquo:’ ldquo:“ rdquo:” sbquo:‚ ' +
    'bdquo:„ lsaquo:‹ rsaquo:› larr:← uarr:↑ rarr:→ darr:↓ harr:↔ le:≤ ge:≥ ne:≠ asymp:≈ infin:∞ minus:− radic:√ ' +
    'aacute:á eacute:é iacute:í oacute:ó uacute:ú Aacute:Á Eacute:É Iacute:Í Oacute:Ó Uacute:Ú ntilde:ñ Ntilde:Ñ ' +
    'agrave:à egrave:è igrave:ì ograve:ò ugrave:ù Agrave:À Egrave:È acirc:â ecirc:ê icirc:î ocirc:ô ucirc:û ' +
    'auml:ä euml:ë iuml:ï ouml:ö uuml:ü Auml:Ä Ouml:Ö Uuml:Ü atilde:ã otilde:õ Atilde:Ã Otilde:Õ ccedil:ç Ccedil:Ç ' +
    'aring:å Aring:Å aelig:æ AElig:Æ oslash:ø Oslash:Ø szlig:ß ast:* lowbar:_ num:# lbrack:[ rbrack:] grave:` ' +
    'vert:| bsol:\\ lpar:( rpar:) excl:! dollar:$ percnt:% plus:+ comma:, period:. colon:: semi:; commat:@ hearts:♥'
  )
    .split(' ')
    .map(pair => [pair.slice(0, pair.indexOf(':')), pair.slice(pair.indexOf(':') + 1)])
)
NAMED['Tab'] = '\t'
NAMED['NewLine'] = '\n'

const REFERENCE = /&(?:#x([0-9a-f]{1,6})|#([0-9]{1,7})|([a-z][a-z0-9]{1,31}));/iy

/** The reference at `index` of `text`, or null: how many characters it takes and what it stands for. */
export function readEntity(text: string, index: number): { length: number; text: string } | null {
  REFERENCE.lastIndex = index
  const match = REFERENCE.exec(text)
  if (!match) return null
  const [whole, hex, decimal, name] = match
  if (name !== undefined) {
    const named = Object.hasOwn(NAMED, name) ? NAMED[name] : undefined
    return named === undefined ? null : { length: whole.length, text: named }
  }
  return { length: whole.length, text: fromCode(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16)) }
}

function fromCode(code: number): string {
  const control = code <= 0x08 || code === 0x0b || (code >= 0x0e && code <= 0x1f) || (code >= 0x7f && code <= 0x9f)
  const broken = code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) || (code >= 0xfdd0 && code <= 0xfdef)
  return control || broken || (code & 0xfffe) === 0xfffe ? '\ufffd' : String.fromCodePoint(code)
}
