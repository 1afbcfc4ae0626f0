import { randomUUID } from 'node:crypto'
import { startIntuneSimulator } from '../src/simulator/intune/start-intune-simulator.js'
import { type BenchFindings, type BenchOptions, round } from './benchmark.js'

const TENANT = '11111111-1111-4111-8111-111111111111'
const CLIENT = '22222222-2222-4222-8222-222222222222'
const SECRET = 'bench'
const ROLES = { graph: ['Application.Read.All', 'Device.Read.All', 'DeviceManagementManagedDevices.Read.All'], intune: ['update_device_health'] }
const SERVICES = '/TrafficGateway/TrafficRoutingService/PartnerAPI'
const SEED_BATCH = 10_000
const DEVICES_A_MESSAGE = 400
const REPORTS_OF_EACH = 2

/** What the Intune simulator costs: memory with this many phones, and how fast it takes their states and is read. */
export async function simulator ({ phones, tell }: BenchOptions): Promise<BenchFindings> {
  const startedAt = performance.now()
  const before = process.memoryUsage.rss()
  const { httpUrl, close } = await startIntuneSimulator()
  try {
    const call = async (method: string, path: string, body?: unknown, token?: string): Promise<Record<string, never>> => {
      const answer = await fetch(httpUrl + path, {
        method,
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) })
      })
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
      return answer.status === 204 ? {} : await answer.json() as Record<string, never>
    }
    const tokenFor = async (scope: string): Promise<string> => {
      const answer = await fetch(`${httpUrl}/${TENANT}/oauth2/v2.0/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'client_credentials', client_id: CLIENT, client_secret: SECRET, scope }) })
      return (await answer.json() as { access_token: string }).access_token
    }
    const timed = async (work: () => Promise<unknown>): Promise<number> => {
      const began = performance.now()
      await work()
      return (performance.now() - began) / 1000
    }

    await call('PUT', `/_sim/tenants/${TENANT}`, { clients: [{ clientId: CLIENT, secret: SECRET, roles: ROLES }], connector: { androidEnabled: true, iosEnabled: true, provisioned: true }, partner: { processingDelayMs: 0 } })
    const ids = Array.from({ length: phones }, () => randomUUID())
    const enrolSeconds = await timed(async () => {
      for (let start = 0; start < phones; start += SEED_BATCH) {
        await call('PUT', `/_sim/tenants/${TENANT}/devices`, ids.slice(start, start + SEED_BATCH).map((entraDeviceId, index) => ({ entraDeviceId, platform: index % 3 === 0 ? 'ios' : 'android' })))
      }
    })
    const enrolledRss = process.memoryUsage.rss()
    tell(`${phones} phones enrolled`)

    const intuneToken = await tokenFor('https://api.manage.microsoft.com//.default')
    const reportSeconds = await timed(async () => {
      for (let round = 0; round < REPORTS_OF_EACH; round++) {
        const state = round % 2 === 0 ? 'highSeverity' : 'secured'
        for (let start = 0; start < phones; start += DEVICES_A_MESSAGE) {
          const LastUpdateTime = new Date().toISOString()
          const Content = JSON.stringify(ids.slice(start, start + DEVICES_A_MESSAGE).map((DeviceId) => ({ EntityType: 5, TenantId: TENANT, DeviceId, LastUpdateTime, HealthState: state })))
          await call('PUT', `${SERVICES}/StatelessPartnerDeviceDataSyncService/DataUploadMessages(guid'${randomUUID()}')?api-version=1.2`, { TenantId: TENANT, UploadTime: LastUpdateTime, Content }, intuneToken)
        }
      }
    })

    const graphToken = await tokenFor('https://graph.microsoft.com/.default')
    const read = async (start: string): Promise<number> => {
      let rows = 0
      for (let path: string | undefined = start; path !== undefined;) {
        const page: { value: unknown[], '@odata.nextLink'?: string } = await call('GET', path, undefined, graphToken) as never
        rows += page.value.length
        const next = page['@odata.nextLink']
        path = next === undefined ? undefined : new URL(next).pathname + new URL(next).search
      }
      return rows
    }
    let [managed, changed] = [0, 0]
    const listSeconds = await timed(async () => { managed = await read('/v1.0/deviceManagement/managedDevices?$select=azureADDeviceId,partnerReportedThreatState') })
    const deltaSeconds = await timed(async () => { changed = await read('/v1.0/devices/delta?$top=999') })
    const { devices } = await call('GET', `/_sim/tenants/${TENANT}`) as unknown as { devices: { byThreatState: Record<string, number> } }
    const rss = process.memoryUsage.rss()
    return {
      seconds: round((performance.now() - startedAt) / 1000),
      config: { phones, devicesAMessage: DEVICES_A_MESSAGE, reportsOfEach: REPORTS_OF_EACH },
      results: {
        rssMiB: round(rss / 2 ** 20),
        enrolledRssMiB: round(enrolledRss / 2 ** 20),
        bytesPerPhone: Math.round((enrolledRss - before) / phones),
        enrolledPerSecond: Math.round(phones / enrolSeconds),
        reportsPerSecond: Math.round(phones * REPORTS_OF_EACH / reportSeconds),
        listedPerSecond: Math.round(phones / listSeconds),
        trackedPerSecond: Math.round(phones / deltaSeconds)
      },
      baselines: {},
      ratios: {},
      checks: { everyReportCounts: devices.byThreatState.secured === phones, everyPhoneIsListed: managed === phones, everyPhoneIsTracked: changed === phones }
    }
  } finally {
    await close()
  }
}
