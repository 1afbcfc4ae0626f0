import { describeError, IntuneError, type IntuneFailure } from './intune-error.js'

/** The links between us and a tenant's phones in Intune, in the order in which they must hold. */
export const LINKS = ['credential', 'consent', 'roles', 'discovery', 'provisioning', 'heartbeat'] as const
export type Link = typeof LINKS[number]

/** What an error means to an administrator. */
export interface Advice {
  /** Kebab-case and stable, for programs. */
  readonly code: string
  /** The link that is broken; null: the way there, or something that passes by itself. */
  readonly link: Link | null
  /** Why it happened, in words. */
  readonly cause: string
  /** What to do about it, and who. */
  readonly remedy: string
  /** True: nothing changes until somebody does something; to ask again and again is of no use. */
  readonly needsPerson: boolean
}

type Entry = Advice & { readonly when: RegExp }

const CONSENT_REMEDY = 'Make a consent link (`sallyport tenant connect`, or POST …/connector/consent) and have a Global Administrator of the tenant open it.'
const CREDENTIAL_REMEDY = 'Put a current credential of our Entra app into the settings (INTUNE_CLIENT_SECRET, INTUNE_CLIENT_CERTIFICATE or INTUNE_FEDERATED_TOKEN_FILE) and start Sallyport again. This concerns every tenant, and only whoever runs Sallyport can do it.'

const entry = (code: string, link: Link | null, when: RegExp, cause: string, remedy: string, needsPerson = true): Entry => ({ code, link, when, cause, remedy, needsPerson })

/**
 * What Entra, Graph and Intune say, first match first. Entra's numbers are those of
 * https://learn.microsoft.com/entra/identity-platform/reference-error-codes
 */
const ENTRIES: readonly Entry[] = [
  entry('wrong-secret', 'credential', /AADSTS7000215\b/, 'The secret of our Entra app is not the one Entra knows. A frequent slip: the secret\'s id was copied and not its value.', CREDENTIAL_REMEDY),
  entry('expired-secret', 'credential', /AADSTS7000222\b/, 'The secret of our Entra app has expired.', CREDENTIAL_REMEDY),
  entry('unknown-certificate', 'credential', /AADSTS(700027|700030|50012|500030)\b/, 'Entra does not know the certificate we sign with, or it has expired.', 'Upload the certificate of INTUNE_CLIENT_CERTIFICATE to our app registration (Certificates & secrets). This concerns every tenant.'),
  entry('assertion-out-of-time', 'credential', /AADSTS700024\b/, 'What we prove ourselves with is not valid at this moment: the clock of this machine is wrong, or the federated token has expired.', 'Check the machine\'s clock. With INTUNE_FEDERATED_TOKEN_FILE, check that the file is renewed (a projected service account token is, a copied one is not).'),
  entry('no-federated-credential', 'credential', /AADSTS(70021|7002\d\d|700021|700023|700211|700212|700213)\b/, 'Our Entra app has no federated credential whose issuer, subject and audience are those of the token in INTUNE_FEDERATED_TOKEN_FILE.', 'Compare the token\'s iss, sub and aud with the federated credential of the app registration; the audience must be api://AzureADTokenExchange.'),
  entry('no-federated-token', 'credential', /federated token/, 'The file with the federated token cannot be read, or holds no token.', 'Check that INTUNE_FEDERATED_TOKEN_FILE (or INTUNE_SETUP_FEDERATED_TOKEN_FILE) is the path of the mounted token, and that Sallyport may read it.'),
  entry('broken-credential', 'credential', /AADSTS(50027|7000216|7000218)\b|invalid_client_credential|ENOENT|\bPEM\b|no start line/i, 'The credential of our Entra app cannot be used as it is.', CREDENTIAL_REMEDY),
  entry('app-disabled', 'credential', /AADSTS(7000112|7000113|700082)\b/, 'Our Entra app has been disabled.', 'Whoever owns the app registration must enable it again; in the tenant, "Enabled for users to sign in" of the enterprise application must be Yes.'),

  entry('tenant-unknown', 'consent', /AADSTS(90002|900023|90051)\b|no such tenant/, 'Entra has no such tenant: it was deleted, its id has a slip, or it lives in another cloud.', 'Compare the tenant\'s id with Entra admin centre > Overview. For a tenant in a national cloud, set ENTRA_AUTHORITY_HOST and GRAPH_BASE_URL. If the tenant is gone, delete it here.'),
  entry('no-consent', 'consent', /AADSTS(7000229|65001|650051|650052|650057|90094|65004)\b/, 'No administrator of the tenant has consented to our app, or the consent was revoked.', CONSENT_REMEDY),
  entry('app-not-in-tenant', 'consent', /AADSTS700016\b/, 'The tenant does not know our app: consent was never given or the enterprise application was deleted, or INTUNE_CLIENT_ID is wrong.', `${CONSENT_REMEDY} If no tenant works, check INTUNE_CLIENT_ID.`),
  entry('blocked-by-policy', 'consent', /AADSTS530\d+\b/, 'A Conditional Access policy of the tenant for workload identities blocks our app.', 'Exclude our app, or allow the addresses Sallyport calls from, in Entra admin centre > Conditional Access.'),
  entry('no-intune', 'discovery', /AADSTS(500011|650056)\b|its service principal is missing/, 'The tenant has no Microsoft Intune.', 'An Intune licence must have been bought for the tenant, and its MDM authority must be Intune (Intune admin centre > Tenant administration).'),

  entry('role-missing', 'roles', /needs update_device_health|lacks update_device_health/, 'Our app may not send threat levels: it lacks update_device_health (Microsoft Intune API) in this tenant.', `Add the application permission to our app registration, then consent again. ${CONSENT_REMEDY}`),
  entry('graph-role-missing', 'roles', /The app needs |Microsoft Graph answered 403|Insufficient privileges/, 'Our app lacks a permission of Microsoft Graph in this tenant.', `Add the permission that the message names to our app registration, then consent again. ${CONSENT_REMEDY}`),
  entry('token-refused', 'roles', /does not accept our token|answered 401/, 'The service does not accept our token, although Entra gave it. Shortly after consent this passes within minutes; otherwise INTUNE_RESOURCE or GRAPH_BASE_URL belongs to another cloud.', 'Wait ten minutes after a consent. If it stays, check INTUNE_RESOURCE, GRAPH_BASE_URL and ENTRA_AUTHORITY_HOST: all must be of the tenant\'s cloud.', false),

  entry('host-refused', 'discovery', /INTUNE_ENDPOINT_HOSTS/, 'The tenant\'s list of services names an address that is not https, or not a host that we send data and tokens to.', 'If the address in the message is Microsoft\'s (a national cloud), add its host to INTUNE_ENDPOINT_HOSTS. If it is not, tell Microsoft: somebody has changed the tenant\'s list.'),
  entry('no-service', 'discovery', /list of services has no /, 'The tenant\'s list of Intune services does not hold the partner services: Intune has not been set up in the tenant, or Microsoft has not enabled us as a partner there.', 'Sign in to the Intune admin centre once, and check that the MDM authority is Intune. If it is, ask Microsoft with the client-request-id of the log.'),

  entry('not-provisioned', 'provisioning', /did not (de)?provision|without effect|not provisioned/, 'Intune answered, but did not make us the tenant\'s partner: setting up is incomplete on its side.', 'In the Intune admin centre > Tenant administration > Connectors and tokens > Mobile Threat Defense, remove and add the connector, then provision again (POST …/connector/provision).', false),
  entry('heartbeat-refused', 'heartbeat', /heartbeat/i, 'Intune did not take our heartbeat.', 'Provision again (POST …/connector/provision). If it stays, ask Microsoft with the client-request-id of the log.', false)
]

const BY_FAILURE: Readonly<Record<IntuneFailure, Advice>> = {
  throttled: { code: 'throttled', link: null, cause: 'Microsoft asks us to slow down.', remedy: 'Nothing: Sallyport waits as long as it was asked to, then goes on.', needsPerson: false },
  unavailable: { code: 'unavailable', link: null, cause: 'Microsoft\'s service does not answer, or answers with an error of its own.', remedy: 'Nothing, if it passes within the hour. Otherwise check that this machine reaches login.microsoftonline.com, graph.microsoft.com and *.manage.microsoft.com over https, and Microsoft\'s service health page.', needsPerson: false },
  unauthorized: { code: 'refused', link: 'consent', cause: 'Entra or Intune refuses our app in this tenant.', remedy: CONSENT_REMEDY, needsPerson: true },
  'not-set-up': { code: 'not-provisioned', link: 'provisioning', cause: 'The tenant does not have us as a partner, or not any more.', remedy: 'Provision again (POST …/connector/provision).', needsPerson: false },
  unfinished: { code: 'unfinished', link: null, cause: 'Intune took a message and has not finished it yet.', remedy: 'Nothing: it is looked at again.', needsPerson: false },
  rejected: { code: 'rejected', link: null, cause: 'Microsoft\'s service refuses what we sent.', remedy: 'The message says which part. If it names a phone, that phone is not enrolled in Intune (yet); otherwise tell us, with the client-request-id of the log.', needsPerson: false }
}

/** Shows nothing that was secret: codes and sentences only. */
export function adviseOn (error: unknown): Advice {
  const text = typeof error === 'string' ? error : messagesOf(error)
  // What passes by itself is told by its kind: its text may hold any words of a service in trouble.
  if (error instanceof IntuneError && (error.failure === 'throttled' || error.failure === 'unfinished')) return BY_FAILURE[error.failure]
  const found = ENTRIES.find(({ when }) => when.test(text))
  if (found !== undefined) {
    const { when: _, ...advice } = found
    return advice
  }
  if (error instanceof IntuneError) return BY_FAILURE[error.failure]
  return /\b429\b|TooManyRequests/.test(text) ? BY_FAILURE.throttled : /Entra refuses/.test(text) ? BY_FAILURE.unauthorized : BY_FAILURE.unavailable
}

/** One sentence each of what happened, why, and what to do. */
export function explainError (error: unknown): string {
  const { cause, remedy } = adviseOn(error)
  return `${typeof error === 'string' ? error : describeError(error)} ${cause} ${remedy}`
}

function messagesOf (error: unknown): string {
  const texts: string[] = []
  for (let at: unknown = error, depth = 0; at instanceof Error && depth < 4; at = at.cause, depth++) texts.push(at.message)
  return texts.join('\n') || String(error)
}
