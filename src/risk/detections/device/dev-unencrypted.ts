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
  examples: [],

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
