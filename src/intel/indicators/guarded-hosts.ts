/** Why a host is guarded; the names are part of the API. */
export const GUARD_CATEGORIES = {
  'code-hosting': 'anybody can publish code and downloads here',
  'file-sharing': 'anybody can share files here',
  'paste-site': 'anybody can publish text here',
  'app-store': 'apps of all makers are installed from here',
  'cloud-storage': 'strangers keep their files here, each under a name or path of his own',
  cdn: 'it serves the files of countless sites',
  'cloud-hosting': 'strangers run their servers here, each under a name of his own',
  'site-builder': 'anybody can have a site here',
  'search-engine': 'everybody searches here',
  'social-network': 'everybody can post here',
  messaging: 'everybody can write here; its interfaces carry the words of all bots',
  mail: 'everybody can have mail here',
  'url-shortener': 'each path leads to another place',
  'dynamic-dns': 'strangers point names below it at their own machines',
  advertising: 'it measures and advertises in most apps',
  'online-office': 'anybody can share documents and forms here',
  video: 'anybody can publish videos here',
  vendor: 'phones and their systems ask it all day',
  resolver: 'phones look up names here',
  'ip-echo': 'it tells callers their own address, to good and bad apps alike',
  infrastructure: 'the Internet\'s own registries and certificates'
} as const
export type GuardCategory = keyof typeof GUARD_CATEGORIES

/**
 * Hosts that a feed cannot mean as a whole: in one they are a mistake, or stand for a single
 * page. What the Public Suffix List has (`github.io`, `duckdns.org`) need not stand here.
 */
const EXACT: Readonly<Record<GuardCategory, string>> = {
  'code-hosting': `github.com gist.github.com api.github.com codeload.github.com raw.github.com githubusercontent.com raw.githubusercontent.com
    gist.githubusercontent.com objects.githubusercontent.com camo.githubusercontent.com ghcr.io gitlab.com bitbucket.org bitbucket.com codeberg.org
    sourceforge.net downloads.sourceforge.net sf.net gitee.com launchpad.net savannah.gnu.org sr.ht npmjs.com registry.npmjs.org pypi.org
    files.pythonhosted.org rubygems.org crates.io docker.com hub.docker.com docker.io quay.io jitpack.io repo1.maven.org repo.maven.apache.org
    huggingface.co replit.com repl.it glitch.com codepen.io jsfiddle.net codesandbox.io`,
  'file-sharing': `dropbox.com dl.dropbox.com dl.dropboxusercontent.com dropboxusercontent.com dropboxapi.com api.dropboxapi.com content.dropboxapi.com
    mediafire.com download.mediafire.com mega.nz mega.io mega.co.nz wetransfer.com we.tl box.com app.box.com anonfiles.com gofile.io transfer.sh
    file.io sendspace.com zippyshare.com 4shared.com uploaded.net rapidgator.net terabox.com 1drv.ms pcloud.com icedrive.net workupload.com
    catbox.moe files.catbox.moe temp.sh tmpfiles.org uploadfiles.io ufile.io send.cm pixeldrain.com bayfiles.com krakenfiles.com filebin.net
    imgur.com i.imgur.com ibb.co i.ibb.co postimg.cc archive.org web.archive.org ipfs.io dweb.link gateway.pinata.cloud disk.yandex.ru
    yadi.sk cloud.mail.ru pan.baidu.com weiyun.com`,
  'paste-site': `pastebin.com paste.ee hastebin.com ghostbin.com rentry.co rentry.org justpaste.it controlc.com dpaste.com dpaste.org pastes.io
    paste2.org 0bin.net privatebin.net textbin.net telegra.ph graph.org`,
  'app-store': `play.google.com market.android.com apps.apple.com itunes.apple.com f-droid.org apkpure.com apkpure.net apkmirror.com aptoide.com
    uptodown.com apkcombo.com apkmonk.com appgallery.huawei.com appgallery.cloud.huawei.com galaxystore.samsung.com apps.samsung.com
    app.mi.com global.app.mi.com getapps.intl.miui.com testflight.apple.com rustore.ru amazonappstore.com`,
  'cloud-storage': `amazonaws.com s3.amazonaws.com storage.googleapis.com storage.cloud.google.com firebasestorage.googleapis.com firebaseio.com firebase.io
    firebasedatabase.app windows.net core.windows.net blob.core.windows.net backblazeb2.com f000.backblazeb2.com wasabisys.com s3.wasabisys.com
    digitaloceanspaces.com aliyuncs.com oss.aliyuncs.com myqcloud.com qiniucdn.com clouddn.com r2.dev supabase.co linodeobjects.com
    storage.yandexcloud.net icloud-content.com`,
  cdn: `cloudfront.net akamai.net akamaized.net akamaihd.net akamaiedge.net edgekey.net edgesuite.net fastly.net global.ssl.fastly.net
    cloudflare.com cloudflare.net cdnjs.cloudflare.com azureedge.net azurefd.net jsdelivr.net cdn.jsdelivr.net unpkg.com cdn.cloudflare.net
    b-cdn.net bunnycdn.com stackpathcdn.com stackpathdns.com maxcdn.com cdn77.com cdn77.org llnwd.net edgecastcdn.net netdna-cdn.com
    gstatic.com googleusercontent.com lh3.googleusercontent.com ajax.googleapis.com fonts.googleapis.com fonts.gstatic.com bootstrapcdn.com
    maxcdn.bootstrapcdn.com code.jquery.com jquery.com imgix.net cloudinary.com res.cloudinary.com twimg.com pbs.twimg.com cdn.shopify.com
    wp.com i0.wp.com gravatar.com secure.gravatar.com cdn.ampproject.org`,
  'cloud-hosting': `azure.com cloudapp.azure.com cloudapp.net azurewebsites.net azure-api.net trafficmanager.net appspot.com run.app googleapis.com
    cloudfunctions.net heroku.com herokuapp.com vercel.com vercel.app netlify.com netlify.app onrender.com render.com railway.app fly.dev fly.io
    workers.dev pages.dev elasticbeanstalk.com digitalocean.com ondigitalocean.app linode.com vultr.com hetzner.com ovh.net contabo.net
    contaboserver.net your-server.de hostinger.com ngrok.com ngrok.io ngrok-free.app ngrok.app trycloudflare.com localtunnel.me loca.lt
    serveo.net portmap.io portmap.host playit.gg ply.gg tailscale.com pinggy.io cloud.google.com console.aws.amazon.com aws.amazon.com
    oraclecloud.com backendless.com parseapp.com back4app.com`,
  'site-builder': `000webhostapp.com 000webhost.com infinityfreeapp.com infinityfree.net byethost.com weebly.com wix.com wixsite.com wordpress.com
    blogspot.com blogger.com tumblr.com medium.com notion.site notion.so webflow.io squarespace.com sites.google.com jimdo.com ucoz.ru ucoz.com
    narod.ru altervista.org awardspace.com awardspace.net 50webs.com freehostia.com tripod.com angelfire.com livejournal.com strikingly.com
    carrd.co linktr.ee godaddysites.com glitch.me myshopify.com shopify.com freewebhostingarea.com zyrosite.com substack.com ghost.io zendesk.com
    atlassian.net`,
  'search-engine': `google.com bing.com yahoo.com duckduckgo.com baidu.com m.baidu.com yandex.ru yandex.com ya.ru ecosia.org startpage.com search.brave.com naver.com
    google.de google.fr google.co.uk google.co.in google.com.br google.ru google.es google.it google.pl google.co.jp google.ca google.com.au
    seznam.cz qwant.com wikipedia.org en.wikipedia.org wikimedia.org chatgpt.com openai.com api.openai.com`,
  'social-network': `facebook.com m.facebook.com graph.facebook.com fb.com fb.me fbcdn.net instagram.com graph.instagram.com twitter.com x.com api.twitter.com
    linkedin.com reddit.com old.reddit.com redd.it i.redd.it pinterest.com tiktok.com tiktokv.com snapchat.com vk.com m.vk.com ok.ru weibo.com
    threads.net quora.com twitch.tv mastodon.social bsky.app stackoverflow.com stackexchange.com xda-developers.com forum.xda-developers.com 4pda.to
    odnoklassniki.ru`,
  messaging: `t.me telegram.me telegram.org api.telegram.org core.telegram.org web.telegram.org whatsapp.com wa.me web.whatsapp.com api.whatsapp.com
    chat.whatsapp.com whatsapp.net discord.com discord.gg discordapp.com cdn.discordapp.com media.discordapp.net discordapp.net slack.com
    hooks.slack.com files.slack.com slack-files.com signal.org viber.com line.me wechat.com weixin.qq.com qq.com skype.com zoom.us matrix.org
    teams.microsoft.com fcm.googleapis.com android.googleapis.com onesignal.com pusher.com pubnub.com agora.io`,
  mail: `gmail.com mail.google.com smtp.gmail.com imap.gmail.com googlemail.com outlook.com hotmail.com live.com outlook.office365.com mail.yahoo.com
    smtp.mail.yahoo.com ymail.com aol.com icloud.com mail.ru smtp.mail.ru yandex.net smtp.yandex.ru mail.yandex.ru protonmail.com proton.me gmx.com gmx.net
    gmx.de web.de zoho.com mail.com tutanota.com tuta.com 163.com 126.com seznam.email sendgrid.net sendgrid.com mailgun.org mailchimp.com`,
  'url-shortener': `bit.ly bitly.com j.mp goo.gl tinyurl.com ow.ly is.gd v.gd buff.ly rebrand.ly cutt.ly shorturl.at rb.gy t.co lnkd.in t.ly tiny.cc s.id
    bl.ink adf.ly shorte.st bc.vc ouo.io clck.ru vk.cc u.to qrco.de soo.gd dub.sh page.link app.link onelink.me amzn.to youtu.be git.io aka.ms
    trib.al dlvr.it x.co clicky.me short.io tny.im bitly.ws shrtco.de 2no.co iplogger.org grabify.link`,
  'dynamic-dns': `afraid.org freedns.afraid.org mooo.com us.to chickenkiller.com dlinkddns.com dynamic-dns.net linkpc.net dyndns.org dyn.com dynu.com
    dynu.net no-ip.com no-ip.org noip.com ddns.net hopto.org zapto.org sytes.net myftp.org myftp.biz serveftp.com servebeer.com redirectme.net
    duckdns.org changeip.com ddnsking.com gotdns.ch 3utilities.com bounceme.net freedynamicdns.net freedynamicdns.org onthewifi.com publicvm.com
    kozow.com giize.com camdvr.org accesscam.org theworkpc.com casacam.net freeddns.org mywire.org webredirect.org nip.io sslip.io xip.io
    crabdance.com strangled.net ignorelist.com jumpingcrab.com twilightparadox.com dns.army desec.io dedyn.io ydns.eu nsupdate.info dtdns.net
    airdns.org ddns.me dnsdynamic.org localto.net eu.org`,
  advertising: `doubleclick.net googlesyndication.com googleadservices.com google-analytics.com www.google-analytics.com ssl.google-analytics.com
    googletagmanager.com googletagservices.com app-measurement.com crashlytics.com settings.crashlytics.com reports.crashlytics.com
    adservice.google.com admob.com applovin.com unity3d.com ads.unity3d.com appsflyer.com adjust.com app.adjust.com branch.io api2.branch.io
    flurry.com data.flurry.com mixpanel.com api.mixpanel.com amplitude.com api.amplitude.com segment.io sentry.io bugsnag.com umeng.com
    inmobi.com mopub.com startappservice.com scorecardresearch.com criteo.com hotjar.com newrelic.com nr-data.net mc.yandex.ru appmetrica.yandex.ru
    startup.mobile.yandex.net facebook.net connect.facebook.net`,
  'online-office': `docs.google.com drive.google.com forms.gle script.google.com drive.usercontent.google.com sheets.google.com photos.google.com calendar.google.com
    onedrive.com onedrive.live.com sharepoint.com office.com office365.com forms.office.com forms.microsoft.com typeform.com jotform.com
    form.jotform.com airtable.com trello.com evernote.com canva.com surveymonkey.com docusign.net docusign.com scribd.com issuu.com slideshare.net`,
  video: 'youtube.com m.youtube.com vimeo.com dailymotion.com googlevideo.com ytimg.com rumble.com bilibili.com netflix.com spotify.com soundcloud.com',
  vendor: `apple.com gs-loc.apple.com push.apple.com captive.apple.com icloud.com.cn mzstatic.com aaplimg.com microsoft.com login.microsoftonline.com
    microsoftonline.com live.net windowsupdate.com msftconnecttest.com msftncsi.com android.com connectivitycheck.gstatic.com
    connectivitycheck.android.com clients1.google.com clients2.google.com clients3.google.com clients4.google.com accounts.google.com www.googleapis.com
    oauth2.googleapis.com firebase.google.com firebaseinstallations.googleapis.com firebaseremoteconfig.googleapis.com firestore.googleapis.com
    identitytoolkit.googleapis.com maps.googleapis.com maps.google.com play.googleapis.com mtalk.google.com translate.google.com samsung.com
    samsungcloud.com samsungelectronics.com samsungapps.com samsungqbe.com huawei.com hicloud.com dbankcloud.com xiaomi.com xiaomi.net mi.com
    miui.com oppo.com heytapmobile.com vivo.com vivo.com.cn oneplus.com oneplus.net realme.com motorola.com nokia.com sony.com lge.com honor.com
    amazon.com mozilla.org mozilla.com firefox.com brave.com opera.com paypal.com intel.com qualcomm.com adobe.com`,
  resolver: `8.8.8.8 8.8.4.4 2001:4860:4860::8888 2001:4860:4860::8844 1.1.1.1 1.0.0.1 2606:4700:4700::1111 2606:4700:4700::1001 9.9.9.9 149.112.112.112
    2620:fe::fe 2620:fe::9 208.67.222.222 208.67.220.220 94.140.14.14 94.140.15.15 76.76.2.0 76.76.10.0 185.228.168.9 185.228.169.9 77.88.8.8
    77.88.8.1 114.114.114.114 223.5.5.5 223.6.6.6 119.29.29.29 64.6.64.6 64.6.65.6 156.154.70.1 4.2.2.1 4.2.2.2 dns.google cloudflare-dns.com
    one.one.one.one mozilla.cloudflare-dns.com dns.quad9.net doh.opendns.com opendns.com dns.adguard.com dns.adguard-dns.com dns.nextdns.io doh.pub
    dns.alidns.com`,
  'ip-echo': `ipify.org api.ipify.org ipinfo.io ip-api.com icanhazip.com ifconfig.me ifconfig.co checkip.amazonaws.com checkip.dyndns.org ident.me
    ipecho.net myip.com api.myip.com whatismyip.com whatismyipaddress.com ipapi.co geoip-db.com freegeoip.net ip.sb httpbin.org`,
  infrastructure: `letsencrypt.org digicert.com ocsp.digicert.com crl.digicert.com sectigo.com ocsp.sectigo.com globalsign.com pki.goog ocsp.pki.goog
    crl.pki.goog verisign.com usertrust.com pool.ntp.org time.google.com time.apple.com time.android.com ntp.org time.windows.com iana.org icann.org
    w3.org www.w3.org schemas.android.com`
}

/**
 * Hosts with all that is below them: their owner gives nobody else a name there, so a name there
 * is his as well.
 */
const WITH_ALL_BELOW: ReadonlySet<string> = new Set(`google.com gstatic.com googlevideo.com ytimg.com youtube.com facebook.com fbcdn.net facebook.net instagram.com
  whatsapp.com whatsapp.net twitter.com x.com twimg.com t.co linkedin.com telegram.org t.me apple.com icloud.com mzstatic.com doubleclick.net
  google-analytics.com googletagmanager.com googlesyndication.com app-measurement.com crashlytics.com wikipedia.org paypal.com netflix.com
  msftconnecttest.com windowsupdate.com cloudflare-dns.com ntp.org digicert.com`.split(/\s+/))

/** A host or address that is guarded, with its reason. */
export interface GuardedHost {
  readonly host: string
  readonly category: GuardCategory
  /** All below it too: they are in the same hands. */
  readonly withAllBelow: boolean
}

/** The list that ships with Sallyport, sorted; operators add to it and lift from it. */
export const GUARDED_HOSTS: readonly GuardedHost[] = Object.entries(EXACT)
  .flatMap(([category, hosts]) => hosts.trim().split(/\s+/).map((host) => ({ host, category: category as GuardCategory, withAllBelow: WITH_ALL_BELOW.has(host) })))
  .sort((a, b) => a.host < b.host ? -1 : 1)
