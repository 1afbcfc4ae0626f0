import type { Cpe } from './cpe.js'
import type { OsPlatform } from './vulnerability.js'

/** Operating systems of phones by vendor and product. NVD knew iPadOS under two names. */
const SYSTEMS: ReadonlyMap<string, OsPlatform> = new Map([
  ['apple:iphone_os', 'ios'], ['apple:ios', 'ios'], ['apple:ipados', 'ipados'], ['apple:ipad_os', 'ipados'], ['google:android', 'android']
])

/** An app by the system it runs on. */
interface AppIds {
  readonly android?: string
  readonly ios?: string
  /** The product is only for phones, so a name without a system means this app. */
  readonly onlyPhones?: boolean
}

/**
 * Apps that NVD's names may mean, and no others: names of products are not unique, and a
 * desktop program often has its phone app's name. Ids of Android were looked up in the icon packs of Lawnicons,
 * Delta and KUAN and in the Universal Android Debloater's list; of those of iOS the doubtful ones, in public sources that use them (2026-11).
 */
const APPS: ReadonlyMap<string, AppIds> = new Map<string, AppIds>([
  ['google:chrome', { android: 'com.android.chrome', ios: 'com.google.chrome.ios' }],
  ['mozilla:firefox', { android: 'org.mozilla.firefox', ios: 'org.mozilla.ios.Firefox' }],
  ['mozilla:firefox_focus', { android: 'org.mozilla.focus', ios: 'org.mozilla.ios.Focus', onlyPhones: true }],
  ['mozilla:firefox_mobile', { android: 'org.mozilla.firefox', onlyPhones: true }],
  ['microsoft:edge', { android: 'com.microsoft.emmx', ios: 'com.microsoft.msedge' }],
  ['microsoft:edge_chromium', { android: 'com.microsoft.emmx', ios: 'com.microsoft.msedge' }],
  ['microsoft:outlook', { android: 'com.microsoft.office.outlook', ios: 'com.microsoft.Office.Outlook' }],
  ['microsoft:teams', { android: 'com.microsoft.teams', ios: 'com.microsoft.skype.teams' }],
  ['microsoft:authenticator', { android: 'com.azure.authenticator', ios: 'com.microsoft.azureauthenticator', onlyPhones: true }],
  ['microsoft:onedrive', { android: 'com.microsoft.skydrive', ios: 'com.microsoft.skydrive' }],
  ['microsoft:word', { android: 'com.microsoft.office.word', ios: 'com.microsoft.Office.Word' }],
  ['microsoft:excel', { android: 'com.microsoft.office.excel', ios: 'com.microsoft.Office.Excel' }],
  ['microsoft:skype', { android: 'com.skype.raider', ios: 'com.skype.skype' }],
  ['whatsapp:whatsapp', { android: 'com.whatsapp', ios: 'net.whatsapp.WhatsApp', onlyPhones: true }],
  ['whatsapp:whatsapp_business', { android: 'com.whatsapp.w4b', ios: 'net.whatsapp.WhatsAppSMB', onlyPhones: true }],
  ['facebook:facebook', { android: 'com.facebook.katana', ios: 'com.facebook.Facebook' }],
  ['facebook:messenger', { android: 'com.facebook.orca', ios: 'com.facebook.Messenger' }],
  ['facebook:instagram', { android: 'com.instagram.android', ios: 'com.burbn.instagram' }],
  ['signal:signal', { android: 'org.thoughtcrime.securesms', ios: 'org.whispersystems.signal' }],
  ['signal:private_messenger', { android: 'org.thoughtcrime.securesms', ios: 'org.whispersystems.signal', onlyPhones: true }],
  ['telegram:telegram', { android: 'org.telegram.messenger', ios: 'ph.telegra.Telegraph' }],
  ['telegram:messenger', { android: 'org.telegram.messenger', ios: 'ph.telegra.Telegraph' }],
  ['viber:viber', { android: 'com.viber.voip', ios: 'com.viber' }],
  ['rakuten:viber', { android: 'com.viber.voip', ios: 'com.viber' }],
  ['linecorp:line', { android: 'jp.naver.line.android', ios: 'jp.naver.line' }],
  ['bytedance:tiktok', { android: 'com.zhiliaoapp.musically', ios: 'com.zhiliaoapp.musically', onlyPhones: true }],
  ['tiktok:tiktok', { android: 'com.zhiliaoapp.musically', ios: 'com.zhiliaoapp.musically', onlyPhones: true }],
  ['snapchat:snapchat', { android: 'com.snapchat.android', ios: 'com.toyopagroup.picaboo', onlyPhones: true }],
  ['twitter:twitter', { android: 'com.twitter.android', ios: 'com.atebits.Tweetie2' }],
  ['zoom:zoom', { android: 'us.zoom.videomeetings', ios: 'us.zoom.videomeetings' }],
  ['zoom:meetings', { android: 'us.zoom.videomeetings', ios: 'us.zoom.videomeetings' }],
  ['zoom:workplace', { android: 'us.zoom.videomeetings', ios: 'us.zoom.videomeetings' }],
  ['cisco:webex_meetings', { android: 'com.cisco.webex.meetings', ios: 'com.webex.meeting' }],
  ['slack:slack', { android: 'com.Slack', ios: 'com.tinyspeck.chatlyio' }],
  ['adobe:acrobat_reader', { android: 'com.adobe.reader', ios: 'com.adobe.Adobe-Reader' }],
  ['opera:opera_mini', { android: 'com.opera.mini.native', onlyPhones: true }],
  ['brave:brave', { android: 'com.brave.browser', ios: 'com.brave.ios.browser' }],
  ['duckduckgo:duckduckgo', { android: 'com.duckduckgo.mobile.android', ios: 'com.duckduckgo.mobile.ios' }],
  ['videolan:vlc', { android: 'org.videolan.vlc', ios: 'org.videolan.vlc-ios' }],
  ['videolan:vlc_media_player', { android: 'org.videolan.vlc', ios: 'org.videolan.vlc-ios' }],
  ['nextcloud:nextcloud', { android: 'com.nextcloud.client', ios: 'it.twsweb.Nextcloud' }],
  ['owncloud:owncloud', { android: 'com.owncloud.android', ios: 'com.owncloud.ios-app' }],
  ['bitwarden:bitwarden', { android: 'com.x8bit.bitwarden', ios: 'com.8bit.bitwarden' }],
  ['lastpass:lastpass', { android: 'com.lastpass.lpandroid', ios: 'com.lastpass.ilastpass' }],
  ['dropbox:dropbox', { android: 'com.dropbox.android', ios: 'com.getdropbox.Dropbox' }],
  ['evernote:evernote', { android: 'com.evernote', ios: 'com.evernote.iPhone.Evernote' }],
  ['google:gmail', { android: 'com.google.android.gm', ios: 'com.google.Gmail' }],
  ['google:play_services', { android: 'com.google.android.gms', onlyPhones: true }],
  ['samsung:internet', { android: 'com.sec.android.app.sbrowser', onlyPhones: true }]
])

const SOFTWARE: ReadonlyMap<string, 'android' | 'ios'> = new Map([
  ['android', 'android'], ['iphone_os', 'ios'], ['iphone', 'ios'], ['ios', 'ios'], ['ipados', 'ios'], ['ipad_os', 'ios']
])

/** The system that a name means, when it is one of a phone. */
export function systemOf ({ part, vendor, product }: Cpe): OsPlatform | undefined {
  return part === 'o' ? SYSTEMS.get(`${vendor}:${product}`) : undefined
}

/** Whether the list knows the product at all. */
export const isListedApp = ({ part, vendor, product }: Cpe): boolean => part === 'a' && APPS.has(`${vendor}:${product}`)

/**
 * App ids that a name means. `runsOn`: phone systems that the configuration names beside it. A
 * name without either means an app only where the product is for phones alone.
 */
export function appIdsOf (cpe: Cpe, runsOn: readonly OsPlatform[]): readonly string[] {
  const app = cpe.part === 'a' ? APPS.get(`${cpe.vendor}:${cpe.product}`) : undefined
  if (app === undefined) return []
  const named = SOFTWARE.get(cpe.targetSw)
  const systems = new Set<'android' | 'ios'>(named !== undefined
    ? [named]
    : cpe.targetSw !== '*' && cpe.targetSw !== '-'
      ? []
      : runsOn.length > 0 ? runsOn.map((platform) => platform === 'android' ? 'android' : 'ios') : app.onlyPhones === true ? ['android', 'ios'] : [])
  return [...new Set([...systems].flatMap((system) => app[system] ?? []))]
}
