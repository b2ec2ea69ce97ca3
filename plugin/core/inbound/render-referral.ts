/** Where a conversation came from: the ad or post that the customer clicked (headline, text, link, picture). */
import type { DraftFile, Referral } from '../model.ts'
import { text } from '../texts/text.ts'
import type { RenderContext, Rendered } from './render-context.ts'
import { bold, hasVisible, inline, lines, link, safeUrl } from './render-words.ts'

export function renderReferral(referral: Referral, { locale }: RenderContext): Rendered {
  const isPost = referral.sourceType === 'post'
  const rows = [`📣 ${text(locale, isPost ? 'render.ad.post' : 'render.ad')}`]
  if (hasVisible(referral.headline)) rows.push(bold(referral.headline))
  if (hasVisible(referral.body)) rows.push(lines(referral.body))
  const label = text(locale, isPost ? 'render.ad.open_post' : 'render.ad.open')
  const address = link(label, referral.sourceUrl) || (hasVisible(referral.sourceUrl) ? inline(referral.sourceUrl) : '')
  if (address !== '') rows.push(address)
  if (hasVisible(referral.welcomeText)) {
    rows.push(text(locale, 'render.ad.welcome', { text: inline(referral.welcomeText) }))
  }
  const picture = safeUrl(referral.imageUrl)
  const files: DraftFile[] = picture === undefined ? [] : [{ from: 'url', url: picture }]
  return {
    blocks: [rows.join('\n')],
    files,
    marker: {
      ...(referral.sourceId === undefined ? {} : { ad: referral.sourceId }),
      ...(referral.sourceType === undefined ? {} : { adType: referral.sourceType })
    }
  }
}
