import type { Detection } from '../../detection.js'
import { ALL_PLATFORMS, ANDROID } from '../../facts/platforms.js'
import type { Radio } from '../../policy/policy.js'

/** Settings of the phone that weigh on its connections. */
export const netPrivateDnsOff: Detection = {
  id: 'net-private-dns-off',
  version: 1,
  category: 'network',
  platforms: ANDROID,
  severity: 'audit',
  attack: ['T1638'],
  raisesLevel: true,
  description: 'Private DNS is off: the network sees which names the phone asks for, and can answer what it likes. Low when the policy requires it (`requirements.privateDns`).',
  sections: ['network'],
  needs: ['network.privateDns'],
  remediation: {
    user: 'Open the settings, then Network & internet, then Private DNS, and choose Automatic.',
    admin: 'Deploy Private DNS by management.'
  },
  examples: [
    { name: 'switched off', platform: 'android', report: { network: { privateDns: 'off' } }, finds: ['privateDns audit'] },
    { name: 'switched off where the organisation requires it', platform: 'android', report: { network: { privateDns: 'off' } }, policy: { requirements: { privateDns: true } }, finds: ['privateDns low'] },
    { name: 'used where the network can', platform: 'android', report: { network: { privateDns: 'opportunistic' } }, policy: { requirements: { privateDns: true } }, finds: [] },
    { name: 'nobody told', platform: 'android', report: { network: { type: 'wifi' } }, finds: 'unknown' }
  ],

  detect ({ state: { network }, policy }) {
    if (network?.privateDns !== 'off') return []
    return [{
      subject: 'privateDns',
      title: 'Private DNS is off: the network sees and can change the answers for names.',
      evidence: [{ path: 'network.privateDns', value: 'off' }],
      ...(policy.requirements.privateDns ? { severity: 'low' as const } : {})
    }]
  }
}

export const netHostsModified: Detection = {
  id: 'net-hosts-modified',
  version: 1,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'high',
  attack: ['T1638', 'T1645'],
  raisesLevel: true,
  description: 'The hosts file differs from the one the system came with: names lead to other addresses, whatever the network answers. Only who controls the system can write it, so the phone is rooted or jailbroken, or was.',
  sections: ['config'],
  needs: ['config.hostsModified'],
  remediation: {
    user: 'Do not sign in to anything on this phone. Save what you need, then have the original system installed again.',
    admin: 'Treat the phone as rooted or jailbroken: have the original system installed, and rotate credentials used on it. Blockers of advertising write this file too, and need the same control.'
  },
  examples: [
    { name: 'changed', platform: 'android', report: { config: { hostsModified: true } }, finds: ['hostsModified high'] },
    { name: 'as it came', platform: 'ios', report: { config: { hostsModified: false } }, finds: [] },
    { name: 'nobody looked', platform: 'android', report: { config: { passcodeSet: true } }, finds: 'unknown' }
  ],

  detect ({ state: { config } }) {
    if (config?.hostsModified !== true) return []
    return [{
      subject: 'hostsModified',
      title: 'The hosts file was changed: names lead to other addresses than they should.',
      evidence: [{ path: 'config.hostsModified', value: true }]
    }]
  }
}

export const net2gEnabled: Detection = {
  id: 'net-2g-enabled',
  version: 2,
  category: 'network',
  platforms: ANDROID,
  severity: 'audit',
  attack: ['T1638'],
  raisesLevel: true,
  description: 'The phone may use 2G, where nothing proves that a tower is the operator\'s. In some countries there is no other network in places.',
  sections: ['config'],
  needs: ['config.cellular2g'],
  remediation: {
    user: 'Open the settings, then Network & internet, then SIMs, and turn off Allow 2G. Emergency calls still work.',
    admin: 'Where all of the organisation\'s places have 4G, switch 2G off by management.'
  },
  examples: [
    { name: 'allowed', platform: 'android', report: { config: { cellular2g: true } }, finds: ['cellular2g audit'] },
    { name: 'switched off', platform: 'android', report: { config: { cellular2g: false } }, finds: [] },
    { name: 'nobody told', platform: 'android', report: { config: { developerMode: false } }, finds: 'unknown' }
  ],

  detect ({ state: { config } }) {
    if (config?.cellular2g !== true) return []
    return [{ subject: 'cellular2g', title: 'The phone may use 2G, where a false tower cannot be told from a real one.', evidence: [{ path: 'config.cellular2g', value: true }] }]
  }
}

const RADIOS: Readonly<Record<Radio, string>> = { bluetooth: 'Bluetooth', nfc: 'NFC', hotspot: 'The hotspot' }

export const netRadioExposed: Detection = {
  id: 'net-radio-exposed',
  version: 2,
  category: 'network',
  platforms: ALL_PLATFORMS,
  severity: 'audit',
  attack: [],
  raisesLevel: true,
  description: 'Bluetooth, NFC or the hotspot is on though the policy wants it off (`radios.deny`). Without such a wish nothing is exposed.',
  sections: ['config'],
  needs: ['config.bluetooth', 'config.nfc', 'config.hotspot'],
  remediation: {
    user: 'Switch it off in the settings while you do not need it.',
    admin: 'Where it must be off, switch it off by management.'
  },
  examples: [
    { name: 'the hotspot, which the policy wants off', platform: 'android', report: { config: { hotspot: true, bluetooth: true } }, policy: { radios: { deny: ['hotspot'] } }, finds: ['hotspot audit'] },
    { name: 'off, as the policy wants', platform: 'ios', report: { config: { bluetooth: false } }, policy: { radios: { deny: ['bluetooth', 'nfc'] } }, finds: [] },
    { name: 'the policy wants nothing off', platform: 'android', report: { config: { bluetooth: true, nfc: true } }, finds: [] },
    { name: 'nobody told', platform: 'android', report: { config: { developerMode: false } }, policy: { radios: { deny: ['nfc'] } }, finds: 'unknown' }
  ],

  detect ({ state: { config }, policy: { radios } }) {
    if (config === undefined || radios.deny.length === 0) return []
    return [...new Set(radios.deny)].filter((radio) => config[radio] === true).map((radio) => ({
      subject: radio,
      title: `${RADIOS[radio]} is on, which the policy wants off.`,
      evidence: [{ path: `config.${radio}`, value: true }]
    }))
  }
}
