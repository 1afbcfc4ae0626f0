/** App ids that makers, operators and stores put on millions of phones, by the name they begin with. */
const BY_PREFIX: Readonly<Record<string, string>> = {
  'android.': 'ext.services ext.shared autoinstalls.config.google.nexus',
  'com.android.': `apps.tag backupconfirm bips bluetooth bluetoothmidiservice bookmarkprovider calllogbackup calendar camera2 captiveportallogin carrierconfig
    carrierdefaultapp cellbroadcastreceiver cellbroadcastreceiver.module certinstaller chrome companiondevicemanager contacts cts.ctsshim cts.priv.ctsshim
    deskclock devicelockcontroller dialer documentsui dreams.basic dreams.phototable dynsystem egg email emergency externalstorage facelock fmradio gallery3d hotspot2
    htmlviewer imsserviceentitlement incallui inputdevices inputmethod.latin internal.display.cutout.emulation.corner internal.systemui.navbar.gestural
    internal.systemui.navbar.threebutton intentresolver keychain launcher3 localtransport location.fused managedprovisioning mms mms.service modulemetadata mtp
    musicfx networkstack networkstack.tethering nfc ons packageinstaller pacprocessor permissioncontroller phone printspooler providers.blockednumber
    providers.calendar providers.contacts providers.downloads providers.downloads.ui providers.media providers.media.module providers.partnerbookmarks providers.settings
    providers.telephony providers.userdictionary provision proxyhandler quicksearchbox rkpdapp role.notes.enabled safetycenter.resources sdksandbox se server.telecom
    settings settings.intelligence sharedstoragebackup shell simappdialog smspush soundpicker soundrecorder statementservice stk storagemanager systemui systemui.plugin.globalactions.wallet
    theme.color.amethyst theme.font.notoserifsource theme.icon.roundedrect traceur uwb.resources vending virtualmachine.res vpndialogs wallpaper.livepicker wallpaperbackup
    wallpapercropper wallpaperpicker webview wifi.resources wifi.dialog bluetooth.services hwmirror media.module phone.recorder voicedialer smsbackup`,
  'com.google.android.': `accessibility.switchaccess adservices.api apps.accessibility.voiceaccess apps.adm apps.authenticator2 apps.books apps.calendar.widget apps.cameralite apps.carrier.carrierwifi
    apps.chromecast.app apps.classroom apps.docs apps.docs.editors.docs apps.docs.editors.sheets apps.docs.editors.slides apps.dynamite apps.enterprise.dmagent apps.fitness
    apps.googleassistant apps.googlevoice apps.kids.familylink apps.kids.familylinkhelper apps.magazines apps.maps apps.mapslite apps.meetings apps.messaging apps.nbu.files
    apps.nbu.paisa.user apps.nexuslauncher apps.paidtasks apps.photos apps.photosgo apps.playconsole apps.podcasts apps.privacy.wildlife apps.pixelmigrate apps.recorder
    apps.restore apps.safetyhub apps.searchlite apps.setupwizard.searchselector apps.subscriptions.red apps.tachyon apps.tasks apps.translate apps.tips apps.turbo apps.tycho
    apps.wallpaper apps.walletnfcrel apps.wellbeing apps.work.clouddpc apps.work.oobconfig apps.youtube.kids apps.youtube.music as asdiv backuptransport bluetooth
    calculator calendar captiveportallogin carrier carrierlocation cellbroadcastservice configupdater connectivity.resources contactkeys contacts deskclock devicelockcontroller dialer
    documentsui euicc ext.services ext.shared federatedcompute feedback gm gm.lite gms gms.location.history gms.policy_sidecar_o googlequicksearchbox gsf health.connect.backuprestore
    healthconnect.controller hotspot2.osulogin hotwordenrollment.okgoogle ims inputmethod.latin inputmethod.pinyin keep launcher.layouts.sailfish marvin.talkback markup modulemetadata
    music networkstack networkstack.tethering odad ondevicepersonalization.services onetimeinitializer packageinstaller partnersetup permissioncontroller play.games printservice.recommendation
    projection.gearhead providers.media.module rkpdapp safetycore sdksandbox settings.intelligence setupwizard soundpicker storagemanager street syncadapters.calendar
    syncadapters.contacts tag telephony.satellite tts tungsten.setupraven tv.remote.service uvexposurereporter videos vr.inputmethod webview wearable.app wifi.resources youtube youtube.tv`,
  'com.google.': 'ar.core ar.lens android android.gms.supervision android.wifi.dialog earth euiccpixel mainline.adservices mainline.telemetry pixel.iris.sim samples.apps.cardboarddemo zxing.client.android',
  'com.samsung.': `aasaservice accessibility advp.imssettings android.accessibility.talkback android.aircommandmanager android.app.appsedge android.app.camera.sticker.facearavatar.preload android.app.clipboardedge
    android.app.contacts android.app.cocktailbarservice android.app.dofviewer android.app.dressroom android.app.earphonetypec android.app.galaxyfinder android.app.galaxyraw android.app.interactivepanoramaviewer
    android.app.ledbackcover android.app.notes android.app.notes.addons android.app.omcagent android.app.parentalcare android.app.pinboard android.app.reminder android.app.routines android.app.settings.bixby
    android.app.sharelive android.app.simplesharing android.app.smartcapture android.app.smartcallprovider android.app.smartmirroring android.app.soundpicker android.app.spage android.app.talkback
    android.app.taskedge android.app.telephonyui android.app.tips android.app.updatecenter android.app.vibe android.app.watchmanager android.app.watchmanagerstub android.arzone android.aremoji
    android.audiomirroring android.authfw android.bbc.bbcagent android.beaconmanager android.biometrics.app.setting android.bixby.agent android.bixby.service android.bixby.wakeup android.bixbyvision.framework
    android.brightnessbackupservice android.calendar android.callbgprovider android.cidmanager android.clipboarduiservice android.cmfa.framework android.coldwalletservice android.da.daagent
    android.dialer android.digitalwellbeing android.dlp.service android.dqagent android.drivelink.stub android.dynamiclock android.easysetup android.fast android.fmm android.forest
    android.game.gamehome android.game.gametools android.game.gos android.hdmapp android.hmt.vrsvc android.homemode android.honeyboard android.incallui android.intelligenceservice2
    android.ipsgeofence android.kgclient android.kidsinstaller android.knox.analytics.uploader android.knox.attestation android.knox.containercore android.knox.kpecore android.knox.pushmanager android.knox.zt.framework
    android.lool android.mapsagent android.mateagent android.mcfds android.mcfserver android.mdecservice android.mdm android.mdx android.mdx.kit android.mdx.quickboard android.messaging
    android.mobileservice android.motionphoto.viewer android.mtpapplication android.net.wifi.wifiguider android.networkdiagnostic android.networkstack android.oneconnect android.peripheral.framework
    android.privacydashboard android.privateshare android.provider.filterprovider android.providers.carrier android.providers.contacts android.providers.media android.rampart android.rubin.app android.samsungpass
    android.samsungpassautofill android.samsungpositioning android.scloud android.scpm android.sdk.handwriting android.sdk.ocr android.sdm.config android.secsoundpicker android.server.wifi.mobilewips
    android.service.airviewdictionary android.service.livedrawing android.service.pentastic android.service.peoplestripe android.service.stplatform android.service.tagservice android.setting.multisound
    android.shortcutbackupservice android.sm.devicesecurity android.smartcallprovider android.smartface android.smartsuggestions android.smartswitchassistant android.spayfw android.stickercenter android.stplatform
    android.svcagent android.svoiceime android.tadownloader android.tapack.authfw android.themecenter android.themestore android.timezone.data_q android.timezone.updater android.tvplus
    android.uds android.unifiedprofile android.vdc android.video android.videoeditor android.visionarapps android.visioncloudagent android.visionintelligence android.visual.cloudcore android.vtcamerasettings
    android.wallpaper.live android.wcmurlsnetworkstack android.wifi.ai android.wifi.increase.scan.interval.resources aware.phone clipboardsaveservice cmh euicc faceservice gpuwatchapp
    ipservice klmsagent knox.securefolder logwriter mdl.radio oda.service safetyinformation sait.sohservice SMT sree storyservice systemui.bixby2 ucs.agent.boot upsmservice vmmhal voiceserviceplatform`,
  'com.sec.': `android.app.apex android.app.bluetoothtest android.app.billing android.app.camera android.app.chromecustomizations android.app.clockpackage android.app.DataCreate android.app.desktoplauncher android.app.dexonpc
    android.app.factorykeystring android.app.fm android.app.hwmoduletest android.app.kidshome android.app.launcher android.app.magnifier android.app.myfiles android.app.parser android.app.personalization
    android.app.popupcalculator android.app.quicktool android.app.ringtoneBR android.app.safetyassurance android.app.samsungapps android.app.sbrowser android.app.servicemodeapp android.app.setupwizardlegalprovider
    android.app.shealth android.app.soundalive android.app.suwscriptplayer android.app.translator android.app.vepreload android.app.voicenote android.app.wlantest android.autodoodle.service
    android.autopreloader android.cover.ledcover android.daemonapp android.desktopmode.uiservice android.diagmonagent android.dexsystemui android.easyMover android.easyMover.Agent android.easyonehand
    android.emergencylauncher android.emergencymode.service android.gallery3d android.inputmethod android.mimage.avatarstickers android.mimage.gear360editor android.mimage.photoretouching android.ofviewer
    android.phone android.preloadinstaller android.provider.badge android.provider.emergencymode android.provider.snote android.RilServiceModeApp android.sdhms android.service.health
    android.settings.uwb.resources android.smartfpsadjuster android.soagent android.splitsound android.systemupdate android.uibcvirtualsoftkey android.usermanual android.widgetapp.easymodecontactswidget
    android.widgetapp.samsungapps android.widgetapp.webmanual app.RilErrorNotifier app.samsungprinting automation bcservice enterprise.knox.attestation enterprise.knox.cloudmdm.smdms enterprise.knox.shareddevice.keyguard
    epdg epdgtestapp factory factory.camera factory.cameralyzer facatfunction hearingadjust hiddenmenu ims imslogger imsservice knox.bluetooth knox.bridge knox.foldercontainer knox.knoxsetupwizardclient
    knox.switcher location.nfwlocationprivacy location.nsflp2 mhs.smarttethering mldapchecker modem.settings phone providers.assisteddialing smartcard.manager spp.push sve unifiedwfc usbsettings
    vsim.ericssonnsds.webapp vowifispg`,
  'com.miui.': `accessibility aod analytics antispam audioeffect audiomonitor backup bugreport calculator carlink catcherpatch cit cleaner cleanmaster cloudbackup cloudservice
    cloudservice.sysbase compass contentcatcher contentextension core daemon extraphoto face fm fmservice freeform gallery global.packageinstaller guardprovider hybrid
    hybrid.accessory home huanji klo.bugreport maintenancemode mediaviewer micloudsync mishare.connectivity misound miservice miwallpaper miwallpaper.snowmountain msa.global
    newmidrive nextpay notes notification phrase player powerkeeper providers.weather qr rom screenrecorder screenshot securityadd securitycenter securityinputmethod securitymanager
    smsextra spock sysopt system systemAdSolution systemui.carriers.overlay thirdappassistant touchassistant translation.kingsoft translationservice tsmclient uireporter userguide
    video videoplayer vipservice vision voiceassist voicetrigger vpnsdkmanager vsimcore wallpaper.overlay.customize weather2 wmsvc yellowpage zman`,
  'com.xiaomi.': `account ab aiasr.core aiasst.service aiasst.vision aicr bluetooth bluetooth.rro.device.config.overlay bttester calendar cameratools channel discover extservice finddevice
    gamecenter.sdk.service glgm joyose location.fused macro mi_connect_service mibrain.speech micloud.sdk midrop migameservice mipicks mircs mirecycle mirror misettings
    miplay_client mslgrdp mtb otrpbroker payment phone powerchecker providers.appindex registration scanner scout shop simactivate.service smarthome ugd upnp vipaccount wearable xmsf xmsfkeeper`,
  'com.huawei.': `aidisk android.airsharing android.chr android.findmyphone android.FMRadio android.hsf android.hwouc android.hwpay android.karaoke android.launcher android.mirrorshare android.pushagent
    android.remotecontroller android.thememanager android.totemweather android.tips aod appmarket arengine.service assetsync browser calculator calendar camera compass contacts contactscamcard
    desktop.explorer desktop.systemui deskclock dsdscardmanager experience.lifeservice fastapp featurelayer.sharedfeature.map filemanager gameassistant gallery geofence.service gpuassistant
    hardwaretest health hicar hicard hidisk hiaction hiai hifolder himovie.overseas hitouch hiview hiviewtunnel hwasm hwblockchain hwdetectrepair hwid hwstartupguide iaware
    iconnect imedia.dolby imedia.sws indexsearch intelligent invisibleservice.notepad kidsmode lbs livewallpaper.paradise magazine maps.app mediacontroller mirror multimedia.audioengine music
    mycenter nb.service nearby notepad ohos.famanager ohos.inputmethod parentcontrol pcassistant pengine phoneservice printservice powergenie recsys regservice rcsserviceapplication
    search securitymgr screenrecorder skytone smarthome soundrecorder stylus.floatmenu suggestion synergy systemmanager systemserver tipsove trustagent trustcircle trustspace ucd.lite vassistant
    videoeditor wallet watch.sync wifiprobqeservice welinknow`,
  'com.coloros.': `activation aftersalesservice alarmclock appmanager assistantscreen athena backuprestore backuprestore.remoteservice bootreg calculator calendar childrenspace codebook compass2
    deepthinker digitalwellbeing directui encryption exserviceui familyguard filemanager findmyphone floatassistant focusmode gallery3d gamespace gamespaceui healthcheck karaoke
    lockassistant musiclink note onekeylockscreen operationManual oppoguardelf oshare personalassistant phonemanager phonenoareainquire phonesuite pictorial regservice remoteguardservice
    safecenter sau sauhelper sceneservice screenrecorder screenshot securepay securitypermission simsettings smartdrive smartsidebar soundrecorder speechassist systemclone translate.engine
    uxdesign video videoeditor wallpapers wallet weather.service weather2 widget.smallweather wifibackuprestore wirelesssettings`,
  'com.oneplus.': `account backuprestore brickmode bugreports camera.service calculator canvasresources card commonlogtool config coreservice deskclock dirac.simulator factorymode filemanager
    gallery gamespace iconpack.circle launcher logkit market membership minidumpoptimization mms networksettings note opbugreportlite opwlb orm ota push screenrecord screenshot
    security setupwizard skin soundrecorder sms.smscplugger store tabletphone twspods weather wifiapsettings worldclock`,
  'com.motorola.': `actions aiservices android.fmradio android.jvtcmd android.nativedropboxagent android.provisioning appdirectedsmsproxy appforecast att.phone.extensions audiofx bach.modemstats bug2go
    camera3 carrierconfig ccc.devicemanagement ccc.mainplm ccc.notification ccc.ota ccc.cce contacts.preloadcontacts coresettingsext demo dimo easyprefix enterprise.adapter.service entitlement
    faceunlock fmplayer gamemode genie gesture help imagertuning_V2 invisiblenet launcher3 launcherconfig lifetimedata livewallpaper3 modemservice moto motocare motocit
    motodisplay msimsettings mobiledesktop.core nfwlocationattribution omadm.service paks personalize programmenu rcs.eab ringtone.overlay securevault spaces
    systemserver systemui.overlay timeweatherwidget timezonedata tools.batterytracer vzw.phone.extensions wappushsi wifi.resources xtra`,
  'com.sonymobile.': 'advancedwidget.topcontacts android.contacts.res.overlay.305 android.externalkeyboard androidapp.gridclockdaily anondata assist cameracommon cellbroadcast.notification coverapp2 deviceinfo dualshockmanager entrance glovemode googleanalyticsproxy home indeviceintelligence lifelog mirrorlink.system music.youtubekaraokeplugin photoeditor retaildemo.xperia runtimeskinning.core scenes.android.smallapp swiqisystemservice tasks themes.sou.cid18.black usb usbwarning voicerecorder xperiaservices xperiatransfermobile xperiaweather',
  'com.qualcomm.': 'atfwd atfwd2 cabl embms ftmclient.service.ftm location location.XT qcrilmsgtunnel qti.autoregistration qti.autoregistration.service qti.biometrics.fingerprint.service qti.callenhancement qti.callfeaturessetting qti.cne qti.confdialer qti.devicestatisticsservice qti.dynamicddsservice qti.ims qti.improvetouch.service qti.lpa qti.modemtestmode qti.optinoverlay qti.perfdump qti.performancemode qti.poweroffalarm qti.qccauthmgr qti.qcolor qti.qdma qti.qms.service.connectionsecurity qti.qms.service.telemetry qti.qtisystemservice qti.services.secureui qti.services.systemhelper qti.seemp.service qti.simcontacts qti.telephonyservice qti.uceShimService qti.uim qti.workloadclassifier qti.xrcb qti.xrvd.service simcontacts svi timeservice uimremoteclient uimremoteserver wfd.service',
  'com.mediatek.': 'atci.service atmwifimeta autobootcontroller batterywarning bluetooth callrecorder camera capctrl.service cellbroadcastreceiver dataprotection datatransfer duraspeed emcamera engineermode factorymode fmradio frameworkresoverlay gba gnss.nonframeworklbs hetcomm ims ims.pco lbs.em2.ui location.lppe.main location.mtkgeofence location.mtklocationprovider location.mtknlp mdmconfig mdmlsample miravision.ui mtklogger mtknlp nfc omacp op01.telecom ppl providers.drm schpwronoff simprocessor smartratswitch.service sst systemuiresoverlay telephony thermalmanager voicecommand voiceunlock wfo.impl ygps',
  'com.microsoft.': 'amp.apps.bingweather appmanager azureauthenticator bing bingads cortana emmx exchange.smbios intune.mam.managedbrowser launcher math.photo mahjong office.excel office.lens office.officehub office.officehubrow office.onenote office.outlook office.powerpoint office.word planner powerbim rdc.androidx scmx sharepoint skydrive skype.teams swiftkey.swiftkeyconfigurator teams todos translator whiteboard.publicpreview windowsintune.companyportal xboxone.smartglass',
  'com.amazon.': 'aa aa.attribution appmanager avod.thirdpartyclient dee.app fv kindle mShop.android mShop.android.shopping mp3 venezia windowshop',
  'com.facebook.': 'adsmanager appmanager katana lite mlite orca pages.app services stella system workchat',
  'com.apple.': `AppStore Bridge CarPlayApp Classroom DocumentsApp Fitness Fitness.watchkitapp Health Home Keynote Magnifier Maps MobileSMS Music Numbers Pages Passwords Passbook Preferences PreviewShell
    Remote SafariViewService ShortcutsActions TVRemoteUIService TapToRadar Translate VoiceMemos WebSheet appleseed.FeedbackAssistant barcodesupport.qrcode calculator calendar camera clips compass
    datadetectors.DDActionsService facetime findmy freeform garageband gamecenter.GameCenterUIService iBooks iCloudDriveApp iMovie itunesconnect.mobile journal mobilecal mobilegarageband mobileme.fmf1 mobilemail
    mobilenotes mobilephone mobilesafari mobileslideshow mobiletimer news podcasts printcenter purplebuddy reminders shazam shortcuts siri.parsec.HashtagImagesApp springboard stocks store.Jolly supportapp
    swiftplaygrounds.app test.WatchKitTestApp tips tv weather`,
  '': `com.whatsapp com.whatsapp.w4b org.telegram.messenger org.thoughtcrime.securesms com.viber.voip com.skype.raider com.discord com.Slack us.zoom.videomeetings com.cisco.webex.meetings com.snapchat.android
    com.instagram.android com.instagram.barcelona com.twitter.android com.linkedin.android com.pinterest com.reddit.frontpage com.zhiliaoapp.musically com.ss.android.ugc.trill com.tencent.mm com.tencent.mobileqq
    com.netflix.mediaclient com.netflix.partner.activation com.spotify.music com.disney.disneyplus tv.twitch.android.app com.soundcloud.android deezer.android.app com.shazam.android com.vimeo.android.videoapp org.videolan.vlc com.plexapp.android
    org.mozilla.firefox org.mozilla.focus org.mozilla.fenix com.brave.browser com.opera.browser com.opera.mini.native com.duckduckgo.mobile.android com.vivaldi.browser org.torproject.torbrowser com.UCMobile.intl
    com.paypal.android.p2pmobile com.revolut.revolut de.number26.android com.transferwise.android com.squareup.cash com.venmo com.coinbase.android com.binance.dev com.starfinanz.smob.android.sfinanzstatus com.db.pwcc.dbmobile de.commerzbanking.mobil
    com.ing.banking com.bbva.bbvacontigo es.lacaixa.mobile.android.newwapicon com.santander.app fr.creditagricole.androidapp com.boursorama.android.clients it.poste.postemobile.bancoposta com.chase.sig.android com.wf.wellsfargomobile com.konylabs.capitalone
    com.ubercab com.ubercab.eats com.lyft.android com.bolt.deliverycourier ee.mtakso.client com.deliveroo.orderapp com.grubhub.android com.dd.doordash com.airbnb.android com.booking com.tripadvisor.tripadvisor com.expedia.bookings
    com.waze com.here.app.maps com.citymapper.app.release de.hafas.android.db net.osmand org.openstreetmap com.strava com.fitbit.FitbitMobile com.garmin.android.apps.connectmobile com.myfitnesspal.android com.nike.ntc com.duolingo
    com.dropbox.android com.box.android com.evernote com.adobe.reader com.adobe.scan.android com.adobe.lrmobile com.canva.editor com.ebay.mobile com.zalando.mobile com.shopify.arrive com.alibaba.aliexpresshd com.einnovation.temu com.zzkko
    org.fdroid.fdroid com.aurora.store com.termux com.topjohnwu.magisk.stub org.lineageos.recorder org.lineageos.eleven org.lineageos.jelly org.lineageos.updater org.lineageos.setupwizard org.calyxos.backup.contacts com.stevesoltys.seedvault app.grapheneos.camera app.grapheneos.pdfviewer
    com.lge.qmemoplus com.lge.launcher3 com.lge.ime com.lge.clock com.lge.email com.lge.bnr com.lge.lgdmsclient com.lge.settings.easy com.lge.systemservice com.htc.launcher com.htc.sense.hsp com.htc.album com.asus.calculator com.asus.filemanager com.asus.launcher com.asus.mobilemanager
    com.zte.mifavor.launcher com.zte.heartyservice com.tcl.tct.weather com.tct.launcher com.transsion.hilauncher com.transsion.phonemaster com.transsnet.store com.tecno.boomplayer com.heytap.market com.heytap.browser com.heytap.cloud com.heytap.pictorial com.oppo.launcher com.oppo.camera com.oplus.battery
    com.oplus.games com.oplus.wirelesssettings com.vivo.browser com.vivo.gallery com.vivo.appstore com.bbk.launcher2 com.bbk.account com.iqoo.secure com.realme.link com.nothing.launcher com.nothing.weather com.hmdglobal.support com.evenwell.powersaving.g3 com.fih.StatsdLogger com.wingtech.diagnostic
    com.verizon.mips.services com.vcast.mediamanager com.vzw.hss.myverizon com.att.myWireless com.att.callprotect com.tmobile.pr.adapt com.tmobile.pr.mytmobile com.sprint.ce.updater com.orange.update com.orange.mail.fr de.telekom.tsc com.vodafone.android.app com.o2.mail.de com.telefonica.movistar com.hiya.star com.dti.samsung
    com.aura.oobe.samsung.gl com.ironsource.appcloud.oobe.huawei com.touchtype.swiftkey com.syntellia.fleksy.keyboard com.swiftkey.swiftkeyconfigurator com.diotek.sec.lookup.dictionary com.skms.android.agent com.wsomacp com.wssyncmldm com.monotype.android.font.foundation com.trustonic.teeservice com.dolby.daxservice com.dsi.ant.service.socket com.sec.penup
    com.lookout com.avast.android.mobilesecurity com.bitdefender.security com.kms.free com.eset.ems2.gp com.malwarebytes.antimalware com.zimperium.zips com.checkpoint.capsuleprotect com.airwatch.androidagent com.mobileiron com.jamf.trust com.manageengine.mdm.android com.sophos.smsec com.trendmicro.tmmspersonal
    com.life360.android.safetymapd.demo com.tile.android com.thetileapp.tile com.teamviewer.quicksupport.market com.anydesk.anydeskandroid com.logitech.circle com.ring.answering com.nest.android com.amazon.cloud9 com.sonos.acr2 com.philips.lighting.hue2 com.tplink.iot com.ikea.tradfri.lighting com.bosch.sh.ui.android
    net.whatsapp.WhatsApp com.burbn.instagram com.google.chrome.ios com.google.Gmail com.google.Maps com.google.ios.youtube com.atebits.Tweetie2 com.hammerandchisel.discord com.toyopagroup.picaboo com.tinyspeck.chatlyio com.microsoft.Office.Outlook ph.telegra.Telegraph org.whispersystems.signal com.getdropbox.Dropbox com.agilebits.onepassword-ios`
}

/** Several hundred ids of harmless apps, Android and iOS, as phones report them. */
export const ORDINARY_APPS: readonly string[] = Object.entries(BY_PREFIX).flatMap(([prefix, rest]) => rest.trim().split(/\s+/).map((id) => prefix + id))

/** The overlays and editions that makers generate for each of them: thousands. */
export const ORDINARY_VARIANTS: readonly string[] = ORDINARY_APPS.flatMap((id) =>
  [id, `${id}.overlay`, `${id}.auto_generated_rro_product__`, `${id}.auto_generated_rro_vendor__`, `${id}.resources`, `${id}.stub`, `${id}.beta`])
