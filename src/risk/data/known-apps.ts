/**
 * Apps of a kind that an organisation may not want, by the ids under which their makers publish
 * them: Google Play and App Store listings, F-Droid, makers' own pages. Only ids that are certain;
 * an id alone is a weak fact, since anybody can take one that is free.
 */
export type AppKind = 'root-enabler' | 'hooking-framework' | 'hacking-tool' | 'remote-access' | 'backup-tool' | 'location-tracking' | 'personal-vpn'

const ids = (text: string): readonly string[] => text.trim().split(/\s+/)

const BY_KIND: Readonly<Record<AppKind, readonly string[]>> = {
  // Tools that make a phone rooted, manage that, or hide it. MVT (src/mvt/android/utils.py), RootBeer (Const.java), https://github.com/topjohnwu/Magisk, https://kernelsu.org, https://apatch.dev
  'root-enabler': ids(`
    com.topjohnwu.magisk io.github.huskydg.magisk io.github.vvb2060.magisk me.weishu.kernelsu com.rifsxd.ksunext me.bmax.apatch
    com.noshufou.android.su com.noshufou.android.su.elite eu.chainfire.supersu eu.chainfire.supersu.pro com.koushikdutta.superuser com.thirdparty.superuser com.yellowes.su me.phh.superuser
    com.kingroot.kinguser com.kingo.root com.kingouser.com com.smedialink.oneclickroot com.zhiqupk.root.global com.alephzain.framaroot com.geohot.towelroot
    com.koushikdutta.rommanager com.koushikdutta.rommanager.license com.ramdroid.appquarantine com.ramdroid.appquarantinepro com.zachspong.temprootremovejb
    com.devadvance.rootcloak com.devadvance.rootcloakplus com.amphoras.hidemyroot com.amphoras.hidemyrootadfree com.formyhm.hideroot com.formyhm.hiderootPremium com.tsng.hidemyapplist
  `),
  // Frameworks that change other apps while they run. The same lists, https://github.com/LSPosed/LSPosed, https://github.com/android-hacker/VirtualXposed
  'hooking-framework': ids(`
    de.robv.android.xposed.installer org.lsposed.manager org.meowcat.edxposed.manager com.solohsu.android.edxp.manager me.weishu.exp io.va.exposed io.va.exposed64 com.saurik.substrate
  `),
  // Scanners, sniffers, tools that break into networks and apps. MVT for those that crack purchases.
  'hacking-tool': ids(`
    com.zimperium.zanti org.csploit.android it.evilsocket.dsploit com.offsec.nethunter com.offsec.nethunter.store com.offsec.nhterm de.trier.infsec.koch.droidsheep
    com.emanuelef.remote_capture app.greyshirts.sslcapture jp.co.taosoftware.android.packetcapture com.guoshi.httpcanary com.guoshi.httpcanary.premium
    com.chelpus.lackypatch com.chelpus.luckypatcher com.dimonvideo.luckypatcher cc.madkite.freedom
  `),
  // Somebody else sees and steers the phone's screen.
  'remote-access': ids(`
    com.teamviewer.quicksupport.market com.teamviewer.host.market com.anydesk.anydeskandroid com.carriez.flutter_hbb com.sand.airdroid com.sand.airdroidbiz
    com.splashtop.sos com.splashtop.streamer.csrs net.christianbeier.droidvnc_ng
  `),
  // Copies messages, contacts or whole apps to places of the user's own.
  'backup-tool': ids(`
    com.riteshsahu.SMSBackupRestore com.idea.backup.smscontacts com.keramidas.TitaniumBackup com.keramidas.TitaniumBackupPro org.swiftapps.swiftbackup com.koushikdutta.backup
    com.genie9.gcloudbackup com.machiav3lli.backup
  `),
  // Others see where the phone is.
  'location-tracking': ids(`
    com.life360.android.safetymapd com.life360.safetymap com.isharing.isharing com.glympse.android.glympse org.findmykids.app com.sygic.familywhere.android com.geozilla.family
  `),
  // VPNs and proxies that people subscribe to.
  'personal-vpn': ids(`
    com.nordvpn.android com.expressvpn.vpn com.surfshark.vpnclient.android ch.protonvpn.android net.mullvad.mullvadvpn de.mobileconcepts.cyberghost com.privateinternetaccess.android
    com.tunnelbear.android com.windscribe.vpn hotspotshield.android.vpn com.psiphon3 com.psiphon3.subscription org.torproject.android free.vpn.unblock.proxy.turbovpn org.hola org.getlantern.lantern
    com.cloudflare.onedotonedotonedotone com.ixolit.ipvanish com.strongvpn com.kaspersky.secure.connection com.avast.android.vpn
    com.nordvpn.NordVPN com.expressvpn.iosvpn com.surfshark.vpnclient.ios ch.protonmail.vpn net.mullvad.MullvadVPN com.cloudflare.1dot1dot1dot1
  `)
}

/** What kind of app an id stands for. */
export const KNOWN_APPS: ReadonlyMap<string, AppKind> = new Map((Object.keys(BY_KIND) as AppKind[]).flatMap((kind) => BY_KIND[kind].map((id) => [id, kind] as const)))
