import type { App } from '../../../telemetry/report.js'
import type { Detection, Match } from '../../detection.js'
import type { Example } from '../../example.js'
import { appsWith } from '../../facts/app-facts.js'
import { appEvidence, describeApp } from '../../facts/app-matches.js'
import type { Trait } from '../../facts/app-traits.js'
import { isAllowedApp, isTrustedStore } from '../../facts/organisation.js'
import { APPLE } from '../../facts/platforms.js'

const appId = 'com.example.torch'
const ios = (app: Omit<App, 'appId'>, finds: Example['finds'], rest: Omit<Example, 'platform' | 'report' | 'finds'>, config?: { managed: boolean }): Example =>
  ({ platform: 'ios', report: { apps: [{ appId, ...app }], ...(config === undefined ? {} : { config }) }, finds, ...rest })
const allowed = { policy: { apps: { allow: [appId] } } } as const

export const appNonStoreSignerIos: Detection = {
  id: 'app-non-store-signer-ios',
  version: 1,
  category: 'app',
  platforms: APPLE,
  severity: 'medium',
  attack: ['T1632.001'],
  raisesLevel: true,
  description: 'An app came neither from the App Store nor from TestFlight nor from a marketplace, but is signed by a developer or a company whom the user trusts. Medium where it is known that management did not put it there; on a managed phone of which nobody tells, it may be the organisation\'s own and is only recorded. Apps that come with the phone or that the organisation allows are not meant.',
  sections: ['apps', 'config'],
  needs: ['apps.fromAppStore'],
  remediation: {
    user: 'Delete the app. Then look in Settings, General, VPN & Device Management for a developer that you do not know, and delete that too.',
    admin: 'Ask the user where the app came from. Deploy your own apps by management, and add them to the allowed apps; forbid trusting other developers.'
  },
  examples: [
    ios({ fromAppStore: false }, [`${appId} medium`], { name: 'a phone without management' }, { managed: false }),
    ios({ fromAppStore: false, managed: false }, [`${appId} medium`], { name: 'management says that it is not its own' }, { managed: true }),
    ios({ fromAppStore: false }, [`${appId} audit`], { name: 'a managed phone, and nobody says whose app it is' }, { managed: true }),
    ios({ fromAppStore: false, managed: true }, [], { name: 'management installed it' }, { managed: true }),
    ios({ fromAppStore: false, managed: false }, [], { name: 'the organisation allows it', ...allowed }),
    ios({ fromAppStore: false, beta: true, managed: false }, [], { name: 'from TestFlight' }),
    ios({ fromAppStore: false, distributor: 'com.example.marketplace', managed: false }, [], { name: 'from a marketplace, which is another detection' }),
    ios({ fromAppStore: true }, [], { name: 'from the App Store' }),
    ios({}, 'unknown', { name: 'nobody told where it came from' })
  ],

  detect ({ state, policy }) {
    return appsWith(state, 'fromNoStore').filter((app) => !isAllowedApp(policy, app)).map((app): Match => {
      const isNobodys = app.managed === false || state.config?.managed === false
      return {
        subject: app.appId,
        title: `${describeApp(app)} came from no store: a developer or a company signed it for ${isNobodys ? 'this phone' : 'this phone, perhaps your own'}.`,
        evidence: [...appEvidence(app, 'fromAppStore', 'managed'), ...(state.config?.managed === undefined ? [] : [{ path: 'config.managed', value: state.config.managed }])],
        severity: isNobodys ? 'medium' : 'audit'
      }
    })
  }
}

interface Simple extends Pick<Detection, 'id' | 'severity' | 'attack' | 'description' | 'needs' | 'remediation' | 'examples'> {
  readonly trait: Trait
  readonly fields: ReadonlyArray<keyof App>
  readonly is: string
}

/** Rows with one flag each, which a policy's allowed apps and stores settle. */
function flagged ({ trait, fields, is, ...rest }: Simple): Detection {
  return {
    ...rest,
    version: 1,
    category: 'app',
    platforms: APPLE,
    raisesLevel: true,
    sections: ['apps'],
    detect ({ state, policy }) {
      return appsWith(state, trait)
        .filter((app) => !isAllowedApp(policy, app) && !(trait === 'fromMarketplace' && isTrustedStore(policy, app.distributor!)))
        .map((app) => ({ subject: app.appId, title: `${describeApp(app)} ${is}.`, evidence: appEvidence(app, ...fields) }))
    }
  }
}

const SETTLED = 'Apps that management installed or that the organisation allows are not meant.'

export const appAdhocSignedIos = flagged({
  id: 'app-adhoc-signed-ios',
  trait: 'adHocSigned',
  fields: ['adHocSigned', 'managed'],
  is: 'is signed ad hoc, for a few named phones, and management did not put it there',
  severity: 'low',
  attack: ['T1632.001'],
  description: `An app is signed ad hoc, as developers do for tests on named phones. ${SETTLED}`,
  needs: ['apps.adHocSigned'],
  remediation: { user: 'If you do not test apps for your organisation, delete the app.', admin: 'Confirm that it is an internal build, and add it to the allowed apps; else have it deleted.' },
  examples: [
    ios({ adHocSigned: true }, [`${appId} low`], { name: 'a build for tests' }),
    ios({ adHocSigned: true, managed: true }, [], { name: 'management installed it' }),
    ios({ adHocSigned: true }, [], { name: 'the organisation\'s own', ...allowed }),
    ios({ adHocSigned: false }, [], { name: 'signed for everybody' }),
    ios({}, 'unknown', { name: 'nobody told how it is signed' })
  ]
})

export const appBetaIos = flagged({
  id: 'app-beta-ios',
  trait: 'beta',
  fields: ['beta'],
  is: 'is a test version from TestFlight',
  severity: 'audit',
  attack: ['T1661'],
  description: `An app is a test version from TestFlight, which Apple looks at less closely; recorded only. ${SETTLED}`,
  needs: ['apps.beta'],
  remediation: { user: 'Nothing has to be done. Test versions may have faults: use the one of the App Store for work.', admin: 'Nothing has to be done.' },
  examples: [
    ios({ beta: true, fromAppStore: false }, [`${appId} audit`], { name: 'from TestFlight' }),
    ios({ beta: true }, [], { name: 'the organisation\'s own', ...allowed }),
    ios({ beta: false }, [], { name: 'from the App Store' }),
    ios({}, 'unknown', { name: 'nobody told' })
  ]
})

export const appAltMarketplaceIos = flagged({
  id: 'app-alt-marketplace-ios',
  trait: 'fromMarketplace',
  fields: ['distributor', 'managed'],
  is: 'came from a marketplace other than the App Store',
  severity: 'low',
  attack: ['T1632.001'],
  description: `An app came from another marketplace than Apple's, which is lawful in the European Union and in Japan (iOS 17.4 and later); whether it is wanted is for the organisation to say: marketplaces that the policy names (\`apps.stores\`) are not meant. ${SETTLED}`,
  needs: ['apps.distributor'],
  remediation: { user: 'Ask your IT team whether this marketplace is allowed. If not, delete the app and install it from the App Store.', admin: 'Decide which marketplaces are allowed, and name them in the policy (`apps.stores`).' },
  examples: [
    ios({ distributor: 'com.example.marketplace' }, [`${appId} low`], { name: 'from a marketplace' }),
    ios({ distributor: 'com.example.marketplace' }, [], { name: 'from one that the organisation allows', policy: { apps: { stores: ['com.example.marketplace'] } } }),
    ios({ distributor: 'com.apple.AppStore' }, [], { name: 'from the App Store' }),
    ios({ distributor: 'com.apple.TestFlight' }, [], { name: 'from TestFlight' }),
    ios({ fromAppStore: true }, 'unknown', { name: 'nobody told who distributes it' })
  ]
})

export const appUnvalidatedIos = flagged({
  id: 'app-unvalidated-ios',
  trait: 'unvalidated',
  fields: ['validated', 'fromAppStore', 'managed'],
  is: 'was never confirmed by Apple for this phone',
  severity: 'low',
  attack: ['T1632.001'],
  description: `Apple has not confirmed a company's or developer's app for this phone; iOS does not run it until that is done, online. ${SETTLED}`,
  needs: ['apps.validated'],
  remediation: { user: 'Open the app once while you are online. If iOS does not confirm it, delete it.', admin: 'Find out where the app came from; deploy your own by management.' },
  examples: [
    ios({ validated: false, fromAppStore: false }, [`${appId} low`], { name: 'an app that was not confirmed' }),
    ios({ validated: false, managed: true }, [], { name: 'management installed it and it was not opened yet' }),
    ios({ validated: true }, [], { name: 'a confirmed one' }),
    ios({ validated: false, fromAppStore: true }, [], { name: 'the App Store has confirmed it' }),
    ios({}, 'unknown', { name: 'nobody told' })
  ]
})
