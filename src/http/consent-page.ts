import { createHash } from 'node:crypto'
import type { ConsentResult } from '../onboarding/consent.js'

const STYLE = 'body{font:1rem/1.5 system-ui,sans-serif;max-width:38rem;margin:4rem auto;padding:0 1rem}h1{font-size:1.5rem}'
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

/** The page loads nothing, sends nothing, and stands in no frame. */
export const CONSENT_PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'cache-control': 'no-store',
  // The address holds a state; it must not travel on.
  'referrer-policy': 'no-referrer',
  'x-robots-tag': 'noindex'
} as const

const TITLES: Readonly<Record<ConsentResult['outcome'], string>> = {
  granted: 'Connected',
  denied: 'Not connected',
  'wrong-tenant': 'Wrong tenant',
  unproven: 'Almost there',
  'unknown-link': 'This link is no longer good'
}

/** What an administrator sees who comes back from Entra's consent page. */
export function renderConsentPage ({ outcome, text, nextAction }: ConsentResult): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Sallyport: ${TITLES[outcome]}</title><style>${STYLE}</style></head>
<body><main><h1>${TITLES[outcome]}</h1><p>${escapeHtml(text)}</p><p>${escapeHtml(nextAction)}</p></main></body>
</html>
`
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }
const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character]!)
