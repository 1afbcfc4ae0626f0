import 'reflect-metadata'
import { ClientCertificateCredential, ClientSecretCredential } from '@azure/identity'
import { Client } from '@microsoft/microsoft-graph-client'
import * as x509 from '@peculiar/x509'
import { Agent } from 'undici'
import { webcrypto } from 'node:crypto'
import { decodeJwt } from 'jose'
import t from 'tap'
import { type IntuneSimulator, startIntuneSimulator } from '../../../src/simulator/intune/start-intune-simulator.js'
import { ALL_ROLES, CLIENT, GRAPH_SCOPE, INTUNE_SCOPE, SECRET, TENANT } from './microsoft.js'

const start = async (t: { teardown (callback: () => Promise<void>): void }): Promise<IntuneSimulator> => {
  const simulator = await startIntuneSimulator()
  t.teardown(async () => await simulator.close())
  return simulator
}

const seed = async (simulator: IntuneSimulator, client: object): Promise<void> => {
  const answer = await fetch(`${simulator.httpUrl}/_sim/tenants/${TENANT}`, {
    method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ clients: [{ clientId: CLIENT, roles: ALL_ROLES, ...client }] })
  })
  if (answer.status !== 201) throw new Error(await answer.text())
}

const credentialOptions = (simulator: IntuneSimulator) => ({
  authorityHost: simulator.httpsUrl, disableInstanceDiscovery: true, tlsOptions: { ca: simulator.caCertificatePem }, retryOptions: { maxRetries: 0 }
})

t.test('the real @azure/identity gets tokens with a client secret, for both resources', async (t) => {
  const simulator = await start(t)
  await seed(simulator, { secret: SECRET })
  const credential = new ClientSecretCredential(TENANT, CLIENT, SECRET, credentialOptions(simulator))

  const graph = decodeJwt((await credential.getToken(GRAPH_SCOPE)).token)
  t.match(graph, { aud: 'https://graph.microsoft.com', tid: TENANT, appid: CLIENT, appidacr: '1', roles: ALL_ROLES.graph, iss: `https://sts.windows.net/${TENANT}/` })
  const intune = decodeJwt((await credential.getToken(INTUNE_SCOPE)).token)
  t.match(intune, { aud: 'https://api.manage.microsoft.com/', roles: ALL_ROLES.intune })
})

t.test('the real @azure/identity reports a wrong secret with Microsoft\'s number', async (t) => {
  const simulator = await start(t)
  await seed(simulator, { secret: SECRET })
  const credential = new ClientSecretCredential(TENANT, CLIENT, 'wrong', credentialOptions(simulator))
  await t.rejects(credential.getToken(GRAPH_SCOPE), { message: /AADSTS7000215/ })
})

t.test('the real @azure/identity gets a token with a certificate', async (t) => {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) }
  const newCertificate = async (): Promise<{ certificatePem: string, keyPem: string }> => {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({ name: 'CN=mtd.example', keys, signingAlgorithm: algorithm })
    return { certificatePem: certificate.toString('pem') + '\n', keyPem: x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY') + '\n' }
  }
  const simulator = await start(t)
  const { certificatePem, keyPem } = await newCertificate()
  await seed(simulator, { certificatePem })
  const credential = new ClientCertificateCredential(TENANT, CLIENT, { certificate: keyPem + certificatePem }, credentialOptions(simulator))
  t.match(decodeJwt((await credential.getToken(INTUNE_SCOPE)).token), { appidacr: '2', roles: ALL_ROLES.intune })

  const stranger = await newCertificate()
  const wrong = new ClientCertificateCredential(TENANT, CLIENT, { certificate: stranger.keyPem + stranger.certificatePem }, credentialOptions(simulator))
  await t.rejects(wrong.getToken(INTUNE_SCOPE), { message: /AADSTS700027/ })
})

t.test('nobody who does not know the authority trusts the https port', async (t) => {
  const simulator = await start(t)
  await t.rejects(fetch(`${simulator.httpsUrl}/healthz`))
})

t.test('the real Graph client walks from discovery to pages of devices', async (t) => {
  const simulator = await start(t)
  await seed(simulator, { secret: SECRET })
  const devices = Array.from({ length: 5 }, (_, index) => ({ entraDeviceId: `44444444-4444-4444-8444-00000000000${index}`, platform: 'ios' }))
  await fetch(`${simulator.httpUrl}/_sim/tenants/${TENANT}/devices`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(devices) })

  const dispatcher = new Agent({ connect: { ca: simulator.caCertificatePem } })
  t.teardown(async () => await dispatcher.close())
  const credential = new ClientSecretCredential(TENANT, CLIENT, SECRET, credentialOptions(simulator))
  const client = Client.initWithMiddleware({
    baseUrl: simulator.httpsUrl,
    customHosts: new Set([new URL(simulator.httpsUrl).hostname]),
    authProvider: { getAccessToken: async () => (await credential.getToken(GRAPH_SCOPE)).token },
    fetchOptions: { dispatcher } as object
  })
  const endpoints = await client.api('/servicePrincipals/appId=0000000a-0000-0000-c000-000000000000/endpoints').get()
  const found = endpoints.value.find(({ providerName }: { providerName: string }) => providerName === 'PartnerDeviceDataSyncService')
  t.ok(found.uri.startsWith(simulator.httpsUrl))

  const first = await client.api('/deviceManagement/managedDevices').top(2).select('id,azureADDeviceId').get()
  t.equal(first.value.length, 2)
  t.ok(first['@odata.nextLink'].startsWith(simulator.httpsUrl))
  const second = await client.api(first['@odata.nextLink']).get()
  t.strictSame([...first.value, ...second.value].map(({ azureADDeviceId }) => azureADDeviceId), devices.slice(0, 4).map(({ entraDeviceId }) => entraDeviceId))
})

t.test('a port in use is an error that leaves nothing open', async (t) => {
  const simulator = await start(t)
  await t.rejects(startIntuneSimulator({ httpPort: Number(new URL(simulator.httpUrl).port) }), { code: 'EADDRINUSE' })
  await t.rejects(startIntuneSimulator({ httpsPort: Number(new URL(simulator.httpsUrl).port) }), { code: 'EADDRINUSE' })
})

t.test('a reset cuts the connection and a timeout keeps silent', async (t) => {
  const simulator = await start(t)
  const put = async (faults: object[]): Promise<void> => {
    const answer = await fetch(`${simulator.httpUrl}/_sim/faults`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(faults) })
    if (!answer.ok) throw new Error(await answer.text())
  }
  await seed(simulator, { secret: SECRET })
  const url = `${simulator.httpUrl}/${TENANT}/v2.0/.well-known/openid-configuration`
  await put([{ kind: 'reset', times: 1 }])
  await t.rejects(fetch(url), TypeError)
  t.equal((await fetch(url)).status, 200)
  await put([{ kind: 'timeout', when: 'after', times: 1 }])
  await t.rejects(fetch(url, { signal: AbortSignal.timeout(100) }), { name: 'TimeoutError' })
  t.equal((await fetch(url)).status, 200)
  const { items } = await (await fetch(`${simulator.httpUrl}/_sim/requests`)).json() as { items: Array<{ faults: string[], status: number | null }> }
  t.strictSame(items.map(({ faults, status }) => [faults, status]), [[['reset'], null], [[], 200], [['timeout'], null], [[], 200]])
})
