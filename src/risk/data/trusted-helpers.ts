/**
 * Apps that have a good reason for far-reaching rights, by the ids under which their makers
 * publish them (https://play.google.com/store/apps/details?id=…, for agents of management the
 * Android Enterprise Solutions Directory). Only an app that did not come round the stores is
 * meant: whoever imitates one is installed from a file.
 */
const ids = (text: string): readonly string[] => text.trim().split(/\s+/)

/** Agents of mobile device management (EMM, UEM). */
export const MANAGEMENT_AGENTS: ReadonlySet<string> = new Set(ids(`
  com.google.android.apps.work.clouddpc com.google.android.apps.enterprise.dmagent com.microsoft.windowsintune.companyportal com.microsoft.intune
  com.airwatch.androidagent com.mobileiron com.mobileiron.anyware.android com.fiberlink.maas360.android.control com.zenprise com.manageengine.mdm.android
  com.sophos.mobilecontrol.client.android com.rim.mobilefusion.client net.soti.mobicontrol.androidwork com.meraki.sm com.hexnode.hexnodemdm com.jamf.trust
`))

/** Protection of phones: threat defense, antivirus with a lock for lost phones. */
const SECURITY_APPS = ids(`
  com.microsoft.scmx com.lookout com.lookout.enterprise com.zimperium.zips com.lacoon.security.fox com.checkpoint.capsuleprotect com.sophos.smsec com.trendmicro.tmmspersonal
  com.avast.android.mobilesecurity com.bitdefender.security com.eset.ems2.gp com.kms.free com.malwarebytes.antimalware com.symantec.mobilesecurity
`)

/** Screen readers and other help for people with disabilities: https://support.google.com/accessibility/android */
const ASSISTIVE_APPS = ids(`
  com.google.android.marvin.talkback com.google.android.apps.accessibility.voiceaccess com.google.audio.hearing.visualization.accessibility.scribe com.google.android.accessibility.soundamplifier
  com.google.android.accessibility.reader com.google.android.accessibility.switchaccess com.google.android.apps.accessibility.auditor com.google.android.apps.accessibility.reveal
  com.samsung.accessibility com.samsung.android.app.talkback com.samsung.android.accessibility.talkback com.nirenr.talkman
`)

/** Managers of passwords, which fill them into apps that know no other way. */
const PASSWORD_MANAGERS = ids(`
  com.x8bit.bitwarden com.agilebits.onepassword com.onepassword.android com.lastpass.lpandroid com.dashlane com.callpod.android_apps.keeper com.siber.roboform
  keepass2android.keepass2android keepass2android.keepass2android_nonet com.kunzisoft.keepass.free com.kunzisoft.keepass.libre io.enpass.app com.nordpass.android.app.password.manager proton.android.pass
  com.azure.authenticator com.zoho.vault
`)

/** Watches, cars, other screens and launchers, which show what arrives. */
const COMPANIONS = ids(`
  com.google.android.wearable.app com.google.android.apps.wear.companion com.google.android.projection.gearhead com.samsung.android.app.watchmanager com.microsoft.appmanager com.garmin.android.apps.connectmobile
  com.fitbit.FitbitMobile com.huawei.health com.xiaomi.wearable com.huami.watch.hmwatchmanager com.xiaomi.hm.health org.kde.kdeconnect_tp nodomain.freeyourgadget.gadgetbridge
  com.teslacoilsw.launcher com.microsoft.launcher
`)

/** Apps for messages, of which texts are a part, and those that sort out unwanted calls. */
export const MESSAGING_APPS: ReadonlySet<string> = new Set(ids(`
  com.google.android.apps.messaging com.android.mms com.samsung.android.messaging com.microsoft.android.smsorganizer org.thoughtcrime.securesms com.truecaller com.textra com.handcent.app.nextsms
  org.fossify.messages com.simplemobiletools.smsmessenger com.jb.gosms com.p1.chompsms com.hiya.star
`))

/** Makers of keyboards; those of iOS are extensions, `com.touchtype.swiftkey.keyboard`. */
const KEYBOARDS = ids(`
  com.google.android.inputmethod.latin com.google.android.inputmethod.japanese com.google.android.inputmethod.korean com.touchtype.swiftkey com.samsung.android.honeyboard
  com.sec.android.inputmethod com.syntellia.fleksy.keyboard ch.icoaching.typewise org.futo.inputmethod.latin helium314.keyboard dev.patrickgold.florisboard com.menny.android.anysoftkeyboard
  com.google.keyboard com.bitstrips.imoji com.grammarly.android.keyboard com.grammarly.keyboard
`)

/** Who may administer a phone: agents, protection, and mail of Exchange, which asks for it (https://learn.microsoft.com/exchange/clients/exchange-activesync). */
export const HARMLESS_ADMINS: ReadonlySet<string> = new Set([...MANAGEMENT_AGENTS, ...SECURITY_APPS, 'com.microsoft.office.outlook', 'com.google.android.gm', 'com.google.android.gms', 'com.google.android.apps.adm'])
export const HARMLESS_ACCESSIBILITY: ReadonlySet<string> = new Set([...ASSISTIVE_APPS, ...PASSWORD_MANAGERS, ...MANAGEMENT_AGENTS, ...SECURITY_APPS])
export const HARMLESS_LISTENERS: ReadonlySet<string> = new Set([...COMPANIONS, ...MANAGEMENT_AGENTS, ...SECURITY_APPS])
export const HARMLESS_OVERLAYS: ReadonlySet<string> = new Set([...ASSISTIVE_APPS, ...PASSWORD_MANAGERS, ...MANAGEMENT_AGENTS, ...SECURITY_APPS])

/** Whether a keyboard's id is, or is an extension of, one whose publisher is known. */
export const isKnownKeyboard = (appId: string): boolean => KEYBOARDS.some((id) => appId === id || appId.startsWith(`${id}.`))

/** Security that came with the phone and that nobody has a good reason to switch off. MVT (src/mvt/android/utils.py), and the makers' own scanners. */
export const SECURITY_PACKAGES: ReadonlySet<string> = new Set(ids(`
  com.policydm com.samsung.android.app.omcagent com.samsung.android.securitylogagent com.sec.android.soagent com.samsung.android.sm.devicesecurity com.miui.guardprovider
`))
