const PREFIX = 'android.permission.'

/** The 20 that MVT counts (src/mvt/android/utils.py). */
const DANGEROUS = [
  ...['ACCESS_COARSE_LOCATION', 'ACCESS_FINE_LOCATION', 'AUTHENTICATE_ACCOUNTS', 'CAMERA', 'DISABLE_KEYGUARD', 'PROCESS_OUTGOING_CALLS', 'READ_CALENDAR', 'READ_CALL_LOG', 'READ_CONTACTS',
    'READ_PHONE_STATE', 'READ_SMS', 'RECEIVE_MMS', 'RECEIVE_SMS', 'RECEIVE_WAP_PUSH', 'RECORD_AUDIO', 'SEND_SMS', 'SYSTEM_ALERT_WINDOW', 'USE_CREDENTIALS', 'USE_SIP'].map((name) => PREFIX + name),
  'com.android.browser.permission.READ_HISTORY_BOOKMARKS'
]
export const DANGEROUS_PERMISSIONS: ReadonlySet<string> = new Set(DANGEROUS)

export const READ_SMS = 1 << 0
export const SEND_SMS = 1 << 1
export const OVERLAY = 1 << 2
export const INSTALL_PACKAGES = 1 << 3
export const RECORD_AUDIO = 1 << 4
export const CALL_LOG = 1 << 5
export const BACKGROUND_LOCATION = 1 << 6

/** Permissions that mean something by themselves or beside another. */
export const TELLING_PERMISSIONS: ReadonlyMap<string, number> = new Map([
  ...['READ_SMS', 'RECEIVE_SMS', 'RECEIVE_MMS', 'RECEIVE_WAP_PUSH'].map((name) => [PREFIX + name, READ_SMS] as const),
  [`${PREFIX}SEND_SMS`, SEND_SMS],
  [`${PREFIX}SYSTEM_ALERT_WINDOW`, OVERLAY],
  [`${PREFIX}REQUEST_INSTALL_PACKAGES`, INSTALL_PACKAGES],
  [`${PREFIX}RECORD_AUDIO`, RECORD_AUDIO],
  [`${PREFIX}READ_CALL_LOG`, CALL_LOG],
  [`${PREFIX}PROCESS_OUTGOING_CALLS`, CALL_LOG],
  [`${PREFIX}ACCESS_BACKGROUND_LOCATION`, BACKGROUND_LOCATION]
])

/** What is needed together for a known way of attack: banking trojans (T1417.002 with T1636.004), droppers (T1544), watching somebody (T1429, T1430, T1636.002). */
export const BAD_COMBINATIONS: ReadonlyArray<readonly [all: number, means: string]> = [
  [READ_SMS | OVERLAY, 'read text messages and draw over other apps, as banking trojans do'],
  [INSTALL_PACKAGES | OVERLAY, 'install other apps and draw over them, as droppers do'],
  [RECORD_AUDIO | CALL_LOG | BACKGROUND_LOCATION, 'record sound, read who was called and follow where the phone is, as spyware does']
]
