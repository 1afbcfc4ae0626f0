import type { Detection } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'

export const devUnencrypted: Detection = {
  id: 'dev-unencrypted',
  version: 1,
  category: 'device',
  platforms: ANDROID,
  severity: 'high',
  attack: ['T1409'],
  raisesLevel: true,
  description: 'The phone\'s storage is not encrypted, or cannot be.',
  sections: ['config'],
  needs: ['config.encryption'],
  remediation: {
    user: 'Turn on encryption in the security settings. A phone that cannot encrypt has to be replaced.',
    admin: 'Require encryption by device configuration; replace models that do not support it.'
  },
  examples: [
    { name: 'not encrypted', platform: 'android', report: { config: { encryption: 'inactive' } }, finds: ['encryption high'] },
    { name: 'a model that cannot', platform: 'android', report: { config: { encryption: 'unsupported' } }, finds: ['encryption high'] },
    { name: 'encrypted, with the default key: dev-encryption-default-key', platform: 'android', report: { config: { encryption: 'default-key' } }, finds: [] },
    { name: 'encrypted', platform: 'android', report: { config: { encryption: 'active' } }, finds: [] },
    { name: 'not told', platform: 'android', report: { config: { passcodeSet: true } }, finds: 'unknown' }
  ],

  detect ({ state: { config } }) {
    const encryption = config?.encryption
    if (encryption !== 'inactive' && encryption !== 'unsupported') return []
    return [{
      subject: 'encryption',
      title: encryption === 'inactive'
        ? 'The storage is not encrypted: whoever finds the phone can read what is on it.'
        : 'The phone cannot encrypt its storage: whoever finds it can read what is on it.',
      evidence: [{ path: 'config.encryption', value: encryption }]
    }]
  }
}
