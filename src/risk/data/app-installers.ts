/**
 * Who installs apps on Android. The `installer` of an app is the package that asked Android to
 * install it. What is in none of these lists is unknown, and unknown is neither good nor bad:
 * management agents and tools that move apps to a new phone are many.
 */

/** The platform's and the makers' own stores, which look at what they offer. */
export const PLATFORM_STORES: ReadonlySet<string> = new Set([
  // Google Play, by the name of today and that of its first years.
  'com.android.vending', 'com.google.android.feedback',
  'com.sec.android.app.samsungapps', 'com.huawei.appmarket', 'com.hihonor.appmarket', 'com.xiaomi.mipicks', 'com.xiaomi.market', 'com.heytap.market', 'com.oppo.market',
  'com.bbk.appstore', 'com.vivo.appstore', 'com.amazon.venezia', 'com.transsnet.store'
])

/** Stores that a user chose himself: https://f-droid.org, https://auroraoss.com and their like. */
export const THIRD_PARTY_STORES: ReadonlyMap<string, string> = new Map([
  ['org.fdroid.fdroid', 'F-Droid'],
  ['org.fdroid.basic', 'F-Droid Basic'],
  ['org.fdroid.fdroid.privileged', 'F-Droid'],
  ['com.machiav3lli.fdroid', 'Neo Store'],
  ['com.looker.droidify', 'Droid-ify'],
  ['com.aurora.store', 'Aurora Store'],
  ['com.aurora.services', 'Aurora Store'],
  ['app.accrescent.client', 'Accrescent'],
  ['dev.imranr.obtainium', 'Obtainium'],
  ['cm.aptoide.pt', 'Aptoide'],
  ['com.apkpure.aegon', 'APKPure'],
  ['com.uptodown', 'Uptodown'],
  ['com.apkmirror.helper.prod', 'APKMirror Installer']
])

/** A computer at the phone's cable. */
export const ADB = 'com.android.shell'

/** Ways round the stores. */
export const SIDELOAD_INSTALLERS: ReadonlyMap<string, 'package installer' | 'browser' | 'file manager' | 'messenger'> = new Map([
  // The dialogue that installs an APK file. Makers ship it under names of their own.
  ['com.android.packageinstaller', 'package installer'],
  ['com.google.android.packageinstaller', 'package installer'],
  ['com.miui.packageinstaller', 'package installer'],
  ['com.samsung.android.packageinstaller', 'package installer'],
  ['com.huawei.packageinstaller', 'package installer'],
  ['com.coloros.packageinstaller', 'package installer'],
  ['com.vivo.packageinstaller', 'package installer'],

  ['com.android.browser', 'browser'],
  ['com.android.chrome', 'browser'],
  ['com.chrome.beta', 'browser'],
  ['com.chrome.dev', 'browser'],
  ['com.chrome.canary', 'browser'],
  ['org.chromium.chrome', 'browser'],
  ['org.mozilla.firefox', 'browser'],
  ['org.mozilla.firefox_beta', 'browser'],
  ['org.mozilla.fenix', 'browser'],
  ['org.mozilla.focus', 'browser'],
  ['com.microsoft.emmx', 'browser'],
  ['com.sec.android.app.sbrowser', 'browser'],
  ['com.mi.globalbrowser', 'browser'],
  ['com.huawei.browser', 'browser'],
  ['com.heytap.browser', 'browser'],
  ['com.brave.browser', 'browser'],
  ['com.duckduckgo.mobile.android', 'browser'],
  ['com.opera.browser', 'browser'],
  ['com.opera.mini.native', 'browser'],
  ['com.vivaldi.browser', 'browser'],
  ['com.kiwibrowser.browser', 'browser'],
  ['com.UCMobile.intl', 'browser'],
  ['com.yandex.browser', 'browser'],

  ['com.android.documentsui', 'file manager'],
  ['com.google.android.documentsui', 'file manager'],
  ['com.android.providers.downloads.ui', 'file manager'],
  ['com.google.android.apps.nbu.files', 'file manager'],
  ['com.sec.android.app.myfiles', 'file manager'],
  ['com.mi.android.globalFileexplorer', 'file manager'],
  ['com.android.fileexplorer', 'file manager'],
  ['com.huawei.filemanager', 'file manager'],
  ['com.hihonor.filemanager', 'file manager'],
  ['com.coloros.filemanager', 'file manager'],
  ['com.lonelycatgames.Xplore', 'file manager'],
  ['me.zhanghai.android.files', 'file manager'],
  ['pl.solidexplorer2', 'file manager'],
  ['com.alphainventor.filemanager', 'file manager'],

  ['com.whatsapp', 'messenger'],
  ['org.telegram.messenger', 'messenger'],
  ['com.facebook.orca', 'messenger'],
  ['org.thoughtcrime.securesms', 'messenger'],
  ['com.viber.voip', 'messenger'],
  ['com.discord', 'messenger']
])
