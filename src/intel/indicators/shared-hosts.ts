import { getPublicSuffix } from 'tldts'

/**
 * Hosts under which anybody can have a place of his own, and that the Public Suffix List does
 * not have. In a feed such a host is a mistake, or stands for itself alone.
 */
const SHARED_HOSTS: ReadonlySet<string> = new Set([
  '000webhostapp.com', 'afraid.org', 'aliyuncs.com', 'amazonaws.com', 'apple.com', 'azure.com', 'azureedge.net',
  'backblazeb2.com', 'bing.com', 'bit.ly', 'bitbucket.org', 'chickenkiller.com', 'cloudapp.azure.com', 'cloudflare.com',
  'cloudfront.net', 'digitaloceanspaces.com', 'discord.com', 'discordapp.com', 'dlinkddns.com', 'dropbox.com',
  'dropboxusercontent.com', 'dynamic-dns.net', 'facebook.com', 'fbcdn.net', 'firebase.io', 'firebaseio.com',
  'github.com', 'githubusercontent.com', 'gitlab.com', 'glitch.me', 'google.com', 'googleapis.com', 'googleusercontent.com',
  'gstatic.com', 'icloud.com', 'infinityfreeapp.com', 'instagram.com', 'ipfs.io', 'linkpc.net', 'live.com', 'mediafire.com',
  'medium.com', 'mega.nz', 'microsoft.com', 'mooo.com', 'myqcloud.com', 'notion.site', 'office.com', 'onedrive.com',
  'pastebin.com', 'portmap.io', 'sharepoint.com', 'slack.com', 'sourceforge.net', 't.co', 't.me', 'telegram.org',
  'tumblr.com', 'twitter.com', 'us.to', 'weebly.com', 'whatsapp.com', 'whatsapp.net', 'windows.net', 'wordpress.com',
  'x.com', 'yahoo.com', 'yandex.net', 'youtube.com'
])

/**
 * Whether what is listed about a domain says something about this host below it: the two are in
 * the same hands. A public suffix between them parts them, also one that is not listed itself:
 * `fastly.net` is no suffix, but strangers are below `map.fastly.net`.
 */
export function speaksFor (domain: string, hostBelow: string): boolean {
  return !SHARED_HOSTS.has(domain) && domain.length > (getPublicSuffix(hostBelow, { allowPrivateDomains: true })?.length ?? 0)
}
