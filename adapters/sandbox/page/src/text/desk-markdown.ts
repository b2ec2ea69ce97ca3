// Markdown as the desk renders it: no HTML, single line breaks kept, bare links recognised.
// Pictures in Markdown are left out on purpose: the page asks no other host for anything.
import MarkdownIt from 'markdown-it'

const markdown = new MarkdownIt({ html: false, breaks: true, linkify: true })
markdown.disable('image')

const renderLink = markdown.renderer.rules.link_open
markdown.renderer.rules.link_open = (tokens, at, options, env, self) => {
  tokens[at]?.attrSet('target', '_blank')
  tokens[at]?.attrSet('rel', 'noreferrer noopener nofollow')
  return renderLink ? renderLink(tokens, at, options, env, self) : self.renderToken(tokens, at, options)
}

// Tables carry their alignment as an inline style, which a strict content security policy refuses.
for (const rule of ['th_open', 'td_open'] as const) {
  markdown.renderer.rules[rule] = (tokens, at, options, _env, self) => {
    const token = tokens[at]
    const align = token?.attrGet('style')?.replace('text-align:', '')
    if (token && align) {
      token.attrs = (token.attrs ?? []).filter(([name]) => name !== 'style')
      token.attrSet('data-align', align)
    }
    return self.renderToken(tokens, at, options)
  }
}

export const renderMarkdown = (text: string): string => markdown.render(text)

export interface LinkSpan {
  from: number
  to: number
  url: string
}

/** Links in plain text, found by the same rules. */
export function findLinks(text: string): LinkSpan[] {
  return (markdown.linkify.match(text) ?? []).map(link => ({ from: link.index, to: link.lastIndex, url: link.url }))
}
