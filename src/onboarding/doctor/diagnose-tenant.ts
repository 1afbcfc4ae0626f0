import { NotFoundError } from '../../errors.js'
import { adviseOn } from '../../intune/advice.js'
import { findConnector } from '../../intune/connector-repository.js'
import { getConnector } from '../../intune/get-connector.js'
import type { IntuneClient } from '../../intune/intune-client.js'
import { getIntuneSetup, type SetupDeps } from '../setup/setup-intune.js'
import { broken, type Check, type Diagnosis, isHealthy, ok, unknown, warning } from './check.js'
import { saveDiagnosis } from './diagnosis-repository.js'
import { checkConditionalAccess, checkConnector, checkLicences, checkSetup } from './intune-checks.js'
import { checkLinks } from './link-checks.js'

export interface DiagnoseDeps extends Omit<SetupDeps, 'intune'> {
  readonly intune: Pick<IntuneClient, 'access' | 'discovery' | 'graph' | 'setup'>
}

/** Looks at every link between us and the access of a tenant's phones; changes nothing. @throws NotFoundError */
export async function diagnoseTenant (deps: DiagnoseDeps, { tenantId }: { readonly tenantId: string }): Promise<Diagnosis> {
  const { db, intune, connectorId } = deps
  const connector = await findConnector(db, tenantId)
  if (connector === undefined) throw new NotFoundError('There is no such tenant.')
  const now = deps.now?.() ?? new Date()
  const { entraTenantId, state } = connector
  const { checks: links, granted } = await checkLinks({ intune, connector, now })
  const checks = [...links, ...granted === undefined ? notReached() : await checkIntune(), await checkQueue()]
  await saveDiagnosis(db, tenantId, { checkedAt: now, checks })
  return { healthy: isHealthy(checks), checkedAt: now.toISOString(), checks }

  async function checkIntune (): Promise<Check[]> {
    const setUp = intune.setup.isSeparate ? await inspectSetupApp() : []
    const found = await Promise.all([
      checkConnector(intune.setup.graph, entraTenantId, { connectorId, isConnected: state !== 'not-provisioned' }),
      getIntuneSetup(deps, { tenantId }).then(checkSetup),
      checkConditionalAccess(intune.graph, entraTenantId),
      checkLicences(intune.graph, entraTenantId)
    ])
    return [...setUp, ...found.flat()]
  }

  /** The second app needs a consent of its own. */
  async function inspectSetupApp (): Promise<Check[]> {
    try {
      await intune.setup.access.inspect(entraTenantId)
      return [ok('setup-app', 'The app that sets Intune up has consent, too.')]
    } catch (error) {
      const { link, cause, remedy } = adviseOn(error)
      const nextAction = link === 'consent' ? 'If it is to be used here, make a consent link for it (`sallyport tenant connect --app setup`).' : remedy
      return [unknown('setup-app', `The app that sets Intune up cannot be used in this tenant: ${cause}`, nextAction)]
    }
  }

  async function checkQueue (): Promise<Check> {
    const { waiting, failing, deadLetters, oldestWaitingSince, pausedUntil } = await getConnector({ db, now: () => now }, { tenantId })
    if (deadLetters > 0) return warning('phones', `Intune went on refusing the state of ${deadLetters} ${deadLetters === 1 ? 'phone' : 'phones'} until it was given up.`, 'Look at them (GET …/connector/dead-letters), repair what they say, and send them again.')
    if (failing > 0) return warning('phones', `Intune refuses the state of ${failing} ${failing === 1 ? 'phone' : 'phones'}.`, 'Look at their details: most often they are not enrolled in Intune.')
    const minutes = oldestWaitingSince === null ? 0 : (now.getTime() - Date.parse(oldestWaitingSince)) / 60_000
    if (minutes > STUCK_MINUTES) return broken('phones', `${waiting} ${waiting === 1 ? 'phone waits' : 'phones wait'} to be told to Intune, the first for ${Math.round(minutes)} minutes.`, pausedUntil === null ? 'Check that a worker of the sync queue runs.' : `It goes on at ${pausedUntil}; see the broken link above.`)
    return ok('phones', waiting === 0 ? 'Intune has the newest state of every phone.' : `${waiting} ${waiting === 1 ? 'phone is' : 'phones are'} on the way to Intune.`)
  }
}

/** A message takes a second; throttled ones some minutes. */
const STUCK_MINUTES = 30

const notReached = (): Check[] => ['connector', 'app', 'app-configuration', 'policies', 'conditional-access', 'licences']
  .map((check) => unknown(check, 'Not looked at: we have no access to the tenant.', 'Repair the broken link first.'))
