import type { Detection } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'

const SIDELOADED = 'app-sideloaded'

export const devUnknownSources: Detection = {
  id: 'dev-unknown-sources',
  version: 1,
  category: 'device',
  platforms: ANDROID,
  severity: 'low',
  attack: ['T1632.001'],
  raisesLevel: true,
  description: 'The phone admits apps from elsewhere than stores. Medium when such an app is on it (app-sideloaded), as far as the organisation has not allowed it.',
  sections: ['config'],
  needs: ['config.unknownSources'],
  builtFrom: [SIDELOADED],
  remediation: {
    user: 'Turn off the installation of unknown apps: settings, then Security, then Install unknown apps.',
    admin: 'Block unknown sources by device configuration.'
  },
  examples: [
    { name: 'allowed', platform: 'android', report: { config: { unknownSources: true } }, finds: ['unknownSources low'] },
    { name: 'and used', platform: 'android', report: { config: { unknownSources: true }, apps: [{ appId: 'com.example.game', system: false, installer: null }] }, finds: ['unknownSources medium'] },
    { name: 'used for an app that the organisation allows', platform: 'android', report: { config: { unknownSources: true }, apps: [{ appId: 'com.example.game', system: false, installer: null }] }, policy: { apps: { allow: ['com.example.game'] } }, finds: ['unknownSources low'] },
    { name: 'not allowed', platform: 'android', report: { config: { unknownSources: false }, apps: [{ appId: 'com.example.game', system: false, installer: null }] }, finds: [] },
    { name: 'not told, as by newer phones, which ask for each app', platform: 'android', report: { config: { developerMode: false } }, finds: 'unknown' }
  ],

  detect ({ state: { config }, findingsOf }) {
    if (config?.unknownSources !== true) return []
    const sideloaded = findingsOf(SIDELOADED)
    return [{
      subject: 'unknownSources',
      title: `The phone admits apps from elsewhere than stores${sideloaded.length === 0 ? '' : ', and such an app is on it'}.`,
      evidence: [{ path: 'config.unknownSources', value: true }, ...sideloaded.slice(0, 3).flatMap(({ evidence }) => evidence.slice(0, 1))],
      ...(sideloaded.length === 0 ? {} : { severity: 'medium' as const })
    }]
  }
}
