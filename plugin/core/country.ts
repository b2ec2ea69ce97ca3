/**
 * The country of a customer, since Meta charges by the country calling code of the recipient. Data, not a validator:
 * only the beginning of the number is looked at. Islands that share the code of a larger country count as that country,
 * as they do in Meta's markets.
 */
import { phoneDigits } from './identity.ts'
import type { CustomerIds } from './model.ts'

/** ITU-T E.164 country codes as of 2026-11; `7` and `1` are told apart further below. */
const CODES =
  '1US 7RU 20EG 211SS 212MA 213DZ 216TN 218LY 220GM 221SN 222MR 223ML 224GN 225CI 226BF 227NE 228TG 229BJ 230MU 231LR ' +
  '232SL 233GH 234NG 235TD 236CF 237CM 238CV 239ST 240GQ 241GA 242CG 243CD 244AO 245GW 246IO 247AC 248SC 249SD 250RW ' +
  '251ET 252SO 253DJ 254KE 255TZ 256UG 257BI 258MZ 260ZM 261MG 262RE 263ZW 264NA 265MW 266LS 267BW 268SZ 269KM 27ZA ' +
  '290SH 291ER 297AW 298FO 299GL 30GR 31NL 32BE 33FR 34ES 350GI 351PT 352LU 353IE 354IS 355AL 356MT 357CY 358FI 359BG ' +
  '36HU 370LT 371LV 372EE 373MD 374AM 375BY 376AD 377MC 378SM 380UA 381RS 382ME 383XK 385HR 386SI 387BA 389MK 39IT ' +
  '40RO 41CH 420CZ 421SK 423LI 43AT 44GB 45DK 46SE 47NO 48PL 49DE 500FK 501BZ 502GT 503SV 504HN 505NI 506CR 507PA ' +
  '508PM 509HT 51PE 52MX 53CU 54AR 55BR 56CL 57CO 58VE 590GP 591BO 592GY 593EC 594GF 595PY 596MQ 597SR 598UY 599CW ' +
  '60MY 61AU 62ID 63PH 64NZ 65SG 66TH 670TL 672NF 673BN 674NR 675PG 676TO 677SB 678VU 679FJ 680PW 681WF 682CK 683NU ' +
  '685WS 686KI 687NC 688TV 689PF 690TK 691FM 692MH 76KZ 77KZ 81JP 82KR 84VN 850KP 852HK 853MO 855KH 856LA 86CN 880BD ' +
  '886TW 90TR 91IN 92PK 93AF 94LK 95MM 960MV 961LB 962JO 963SY 964IQ 965KW 966SA 967YE 968OM 970PS 971AE 972IL 973BH ' +
  '974QA 975BT 976MN 977NP 98IR 992TJ 993TM 994AZ 995GE 996KG 998UZ'

/** Area codes behind +1 that are not of the United States (North American Numbering Plan, as of 2026-11). */
const AREAS: Readonly<Record<string, string>> = {
  CA:
    '204 226 236 249 250 257 263 289 306 343 354 365 367 368 382 387 403 416 418 428 431 437 438 450 460 468 474 506 ' +
    '514 519 537 548 568 579 581 584 587 604 613 639 647 672 683 705 709 742 753 778 780 782 807 819 825 867 873 879 ' +
    '902 905 942',
  DO: '809 829 849',
  PR: '787 939',
  JM: '658 876',
  BS: '242',
  BB: '246',
  AI: '264',
  AG: '268',
  VG: '284',
  VI: '340',
  KY: '345',
  BM: '441',
  GD: '473',
  TC: '649',
  MS: '664',
  MP: '670',
  GU: '671',
  AS: '684',
  SX: '721',
  LC: '758',
  DM: '767',
  VC: '784',
  TT: '868',
  KN: '869'
}

const BY_PREFIX = new Map<string, string>([
  ...CODES.split(' ').map(each => [each.slice(0, -2), each.slice(-2)] as const),
  ...Object.entries(AREAS).flatMap(([country, areas]) => areas.split(' ').map(area => [`1${area}`, country] as const))
])
const LONGEST = Math.max(...[...BY_PREFIX.keys()].map(prefix => prefix.length))

/** ISO 3166, two letters, of a phone in any spelling with its country code; null when no country has that code. */
export function countryOfPhone(phone: string): string | null {
  const digits = phoneDigits(phone)
  for (let length = Math.min(LONGEST, digits.length); length > 0; length--) {
    const country = BY_PREFIX.get(digits.slice(0, length))
    if (country !== undefined) return country
  }
  return null
}

/** By the phone where one is known; a user id begins with the country too (`US.1349…`, contract §3). */
export function countryOfCustomer(ids: CustomerIds | null, phone: string | null): string | null {
  const known = ids?.waId ?? phone
  if (known) return countryOfPhone(known)
  return /^([A-Z]{2})\./.exec(ids?.userId ?? '')?.[1] ?? null
}
