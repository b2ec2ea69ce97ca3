/** The Graph stand-in tells what messages cost: of what was delivered, and of the past that it pretends to have. */
import t from 'tap'
import { type Any, openRig } from './sandbox-graph-rig.ts'

const DAY = 86_400

t.test('pricing_analytics', async t => {
  const rig = await openRig()
  t.teardown(rig.close)
  const { wabaId, phoneNumberId } = rig.whatsapp()
  const today = Math.floor(Date.now() / 1000 / DAY) * DAY
  const field = (given: Record<string, string | number>): string =>
    `pricing_analytics${Object.entries(given)
      .map(([key, value]) => `.${key}(${value})`)
      .join('')}`
  const read = async (given: Record<string, string | number>): Promise<Any> =>
    (await rig.call('GET', `/${wabaId}?fields=${encodeURIComponent(`currency,${field(given)}`)}`)).json
  const points = async (given: Record<string, string | number>): Promise<Any[]> =>
    (await read(given)).pricing_analytics.data[0].data_points
  const month = { start: today - 30 * DAY, end: today, granularity: 'DAILY' }
  const everything = '["COUNTRY","PRICING_CATEGORY","PRICING_TYPE","TIER","PHONE"]'

  await t.test('a past of thirty days, split as it is asked for', async t => {
    const answer = await read({ ...month, dimensions: everything })
    t.match(answer, { id: wabaId, currency: 'EUR' })
    const all: Any[] = answer.pricing_analytics.data[0].data_points
    t.equal(new Set(all.map(one => one.start)).size, 30)
    t.ok(all.every(one => one.end - one.start === DAY && one.tier === '0:MAX' && /^\d+$/.test(one.phone_number)))
    const spain = all.find(one => one.country === 'ES' && one.pricing_category === 'MARKETING')
    t.match(spain, { pricing_type: 'REGULAR', volume: 40, cost: 40 * 0.0509 })
    t.ok(
      all.filter(one => one.pricing_type !== 'REGULAR').every(one => one.cost === 0),
      'free ones cost nothing'
    )
    const whole = await points(month)
    t.equal(whole.length, 30)
    t.same(Object.keys(whole[0]).sort(), ['cost', 'end', 'start', 'volume'])
    t.equal(
      whole.reduce((sum, one) => sum + one.volume, 0),
      all.reduce((sum, one) => sum + one.volume, 0)
    )
    const volumes = await points({ ...month, metric_types: '["VOLUME"]', country_codes: '["BR"]' })
    t.same(volumes[0], { start: month.start, end: month.start + DAY, volume: 85 })
    const edge = new URLSearchParams({ ...month, start: String(month.start), end: String(month.end) })
    t.equal((await rig.call('GET', `/${wabaId}/pricing_analytics?${edge}`)).json.data[0].data_points.length, 30)
  })

  await t.test('what was delivered here counts by the hour', async t => {
    await rig.door('/__say', { customer: 'noor', text: 'hallo' })
    const send = (body: Any): Promise<Any> =>
      rig.call('POST', `/${phoneNumberId}/messages`, { messaging_product: 'whatsapp', to: '4915550000107', ...body })
    const language = { code: 'en_US' }
    await send({ type: 'template', template: { name: 'hello_world', language } })
    await send({ type: 'text', text: { body: 'hallo' } })
    const now = Math.floor(Date.now() / 1000)
    const asked = { start: now - 3 * 3600, end: now + 3600, granularity: 'HALF_HOUR', country_codes: '["DE"]' }
    let found: Any[] = []
    for (let i = 0; i < 100 && found.length < 2; i++) {
      await new Promise(resolve => setTimeout(resolve, 50))
      found = await points({ ...asked, dimensions: '["PRICING_CATEGORY","PRICING_TYPE","COUNTRY"]' })
    }
    found.sort((a, b) => (a.pricing_category < b.pricing_category ? -1 : 1))
    t.match(found, [
      { country: 'DE', pricing_category: 'SERVICE', pricing_type: 'FREE_CUSTOMER_SERVICE', volume: 1, cost: 0 },
      { country: 'DE', pricing_category: 'UTILITY', pricing_type: 'REGULAR', volume: 1, cost: 0.0456 }
    ])
    t.ok(found.every(one => one.end - one.start === 1800))
  })

  await t.test('what Meta would refuse is refused', async t => {
    const wrong: Record<string, string | number>[] = [
      { end: today, granularity: 'DAILY' },
      { start: today, granularity: 'DAILY' },
      { start: today - DAY, end: today },
      { ...month, granularity: 'DAY' },
      { ...month, end: month.start },
      { ...month, dimensions: '["CITY"]' },
      { ...month, metric_types: '["COUNT"]' }
    ]
    for (const given of wrong) t.match(await read(given), { error: { code: 100 } }, JSON.stringify(given))
    rig.sandbox.graph.configure({ scopes: ['whatsapp_business_messaging'] })
    t.match(await read(month), { error: { code: 200 } }, 'without the permission')
    t.match((await rig.call('GET', `/${wabaId}?fields=currency`)).json, { currency: 'EUR' }, 'other fields need less')
  })
})
