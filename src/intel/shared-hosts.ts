import { getPublicSuffix } from 'tldts'

/**
 * Hosts under which anybody can have a place of his own, and that the Public Suffix List does
 * not have. In a feed such a host is a mistake, or stands for itself alone.
 */
const SHARED_HOSTS: ReadonlySet<string> = new Set([
  'amazonaws.com', 'apple.com', 'azure.com', 'azureedge.net', 'bing.com', 'bit.ly', 'cloudapp.azure.com', 'cloudflare.com',
  'cloudfront.net', 'digitaloceanspaces.com', 'discord.com', 'discordapp.com', 'dropbox.com', 'dropboxusercontent.com',
  'facebook.com', 'fbcdn.net', 'firebase.io', 'firebaseio.com', 'github.com', 'githubusercontent.com', 'google.com',
  'googleapis.com', 'googleusercontent.com', 'gstatic.com', 'icloud.com', 'instagram.com', 'live.com', 'mediafire.com',
  'mega.nz', 'microsoft.com', 'notion.site', 'office.com', 'onedrive.com', 'pastebin.com', 'sharepoint.com', 't.co', 't.me',
  'telegram.org', 'twitter.com', 'whatsapp.com', 'whatsapp.net', 'windows.net', 'x.com', 'yahoo.com', 'youtube.com'
])

/** Whether a listed domain says something about the hosts below it: they are in the same hands. */
export function speaksForHostsBelow (domain: string): boolean {
  return !SHARED_HOSTS.has(domain) && getPublicSuffix(domain, { allowPrivateDomains: true }) !== domain
}
