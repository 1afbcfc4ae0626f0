/**
 * Brands that criminals imitate, by the names on their icons, and the ids that their owners use
 * (Google Play and App Store listings); `com.facebook.` means whatever begins so. No names that
 * are ordinary words (Signal, Chase): other apps have them with every right.
 */
const BRANDS: ReadonlyArray<readonly [names: readonly string[], owners: readonly string[]]> = [
  [['WhatsApp', 'WhatsApp Messenger', 'WhatsApp Business'], ['com.whatsapp', 'com.whatsapp.', 'net.whatsapp.']],
  [['Facebook'], ['com.facebook.']],
  [['Instagram'], ['com.instagram.', 'com.burbn.instagram']],
  [['TikTok'], ['com.zhiliaoapp.', 'com.ss.android.ugc.', 'com.tiktok.']],
  [['Snapchat'], ['com.snapchat.', 'com.toyopagroup.picaboo']],
  [['Telegram'], ['org.telegram.', 'ph.telegra.Telegraph', 'org.thunderdog.challegram']],
  [['Netflix'], ['com.netflix.']],
  [['Spotify'], ['com.spotify.']],
  [['PayPal'], ['com.paypal.', 'com.yourcompany.PPClient']],
  [['Revolut'], ['com.revolut.']],
  [['Binance'], ['com.binance.', 'com.czzhao.binance']],
  [['Coinbase'], ['com.coinbase.', 'com.vilcsak.bitcoin2']],
  [['MetaMask'], ['io.metamask', 'io.metamask.']],
  [['YouTube'], ['com.google.']],
  [['Gmail'], ['com.google.']],
  [['Google Chrome'], ['com.android.chrome', 'com.chrome.', 'com.google.']],
  [['Google Play Store', 'Google Play Services', 'Google Play'], ['com.android.vending', 'com.google.']],
  [['Google Authenticator'], ['com.google.']],
  [['Microsoft Authenticator'], ['com.azure.authenticator', 'com.microsoft.']],
  [['Microsoft Outlook', 'Microsoft Teams', 'Microsoft Defender', 'Microsoft OneDrive'], ['com.microsoft.']],
  [['Intune Company Portal'], ['com.microsoft.']],
  [['LinkedIn'], ['com.linkedin.']],
  [['Dropbox'], ['com.dropbox.', 'com.getdropbox.']],
  [['ChatGPT'], ['com.openai.']],
  [['Airbnb'], ['com.airbnb.']],
  [['Bitwarden'], ['com.x8bit.bitwarden', 'com.8bit.bitwarden']]
]

/** Letters that look like Latin ones: Cyrillic and Greek (Unicode TS 39, confusables.txt), and digits. */
const LOOK_ALIKES: Readonly<Record<string, string>> = {
  а: 'a', в: 'b', е: 'e', к: 'k', м: 'm', н: 'h', о: 'o', р: 'p', с: 'c', т: 't', у: 'y', х: 'x', і: 'i', ѕ: 's', ј: 'j', ԁ: 'd', ԛ: 'q', ԝ: 'w',
  α: 'a', ε: 'e', ι: 'i', κ: 'k', ν: 'v', ο: 'o', ρ: 'p', τ: 't', υ: 'u', χ: 'x', ı: 'i', ɡ: 'g', ɑ: 'a', 0: 'o', 1: 'l', 3: 'e', 4: 'a', 5: 's', 7: 't'
}

const isLatin = (code: number): boolean => code >= 97 && code <= 122

/** A name as the eye reads it: without case, accents, spaces and signs. */
export function foldName (name: string): string {
  let folded = ''
  for (const letter of name.toLowerCase().normalize('NFKD')) {
    if (isLatin(letter.charCodeAt(0))) folded += letter
    else folded += LOOK_ALIKES[letter] ?? ''
  }
  return folded
}

export interface Brand { readonly name: string, readonly owners: readonly string[] }

const BY_NAME: ReadonlyMap<string, Brand> = new Map(BRANDS.flatMap(([names, owners]) => names.map((name) => [foldName(name), { name, owners }] as const)))
const LONGEST = Math.max(...[...BY_NAME.keys()].map(({ length }) => length))

/** The brand whose name an app has, or one that looks the same. */
export function brandNamed (name: string): Brand | undefined {
  // Signs and spaces add some; a text is no name.
  return name.length > LONGEST * 2 ? undefined : BY_NAME.get(foldName(name))
}

export const isOwnedBy = (appId: string, { owners }: Brand): boolean => owners.some((owner) => owner.endsWith('.') ? appId.startsWith(owner) : appId === owner)
