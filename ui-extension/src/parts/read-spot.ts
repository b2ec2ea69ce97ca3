// Places on the map as people have them at hand: two numbers, or a link of a map.

export interface Spot {
  latitude: string
  longitude: string
  name: string
  address: string
}

const inRange = (text: string, most: number): boolean => {
  const value = Number(text)
  return text.trim() !== '' && Number.isFinite(value) && Math.abs(value) <= most
}

export const spotIsWhole = (spot: Spot): boolean => inRange(spot.latitude, 90) && inRange(spot.longitude, 180)

const number = String.raw`(-?\d{1,3}(?:\.\d+)?)`
const patterns = [
  new RegExp(`^\\s*${number}\\s*[,; ]\\s*${number}\\s*$`),
  new RegExp(`@${number},${number}`),
  new RegExp(`[?&](?:q|query|ll|destination|center)=(?:loc:)?${number}(?:,|%2C)${number}`, 'i'),
  new RegExp(`!3d${number}!4d${number}`),
  new RegExp(`#map=\\d+/${number}/${number}`)
]

/** Latitude and longitude found in `40.4, -3.7` or in an address of Google Maps or OpenStreetMap. */
export function readSpot(text: string): { latitude: string; longitude: string } | null {
  for (const pattern of patterns) {
    const found = pattern.exec(text)
    if (!found) continue
    const [, latitude = '', longitude = ''] = found
    if (inRange(latitude, 90) && inRange(longitude, 180)) return { latitude, longitude }
  }
  return null
}
