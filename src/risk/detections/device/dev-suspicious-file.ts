import { DEVELOPMENT_FILES, FORENSIC_FILES, SHELL_FOLDER } from '../../data/debugging-tools.js'
import type { Detection, Match } from '../../detection.js'
import { ANDROID } from '../../facts/platforms.js'

export const devSuspiciousFile: Detection = {
  id: 'dev-suspicious-file',
  version: 1,
  category: 'device',
  platforms: ANDROID,
  severity: 'high',
  attack: ['T1544'],
  raisesLevel: true,
  description: 'An executable file lies under /data/local/tmp/, where only a computer or an exploit puts one. What common development tools leave there is only recorded. A file of which nobody says whether it can be run proves nothing.',
  sections: ['files'],
  needs: ['files'],
  remediation: {
    user: 'Tell your security team, and who connected the phone to a computer. Do not delete anything yet.',
    admin: 'Ask whether somebody developed on the phone or repaired it. Otherwise fetch the file, have it examined, and treat the phone as tampered with.'
  },
  examples: [
    { name: 'a program nobody knows', platform: 'android', report: { files: [{ path: '/data/local/tmp/x86', executable: true }] }, finds: ['/data/local/tmp/x86 high'] },
    { name: 'Android Studio\'s installer', platform: 'android', report: { files: [{ path: '/data/local/tmp/.studio/bin/installer', executable: true }] }, finds: ['/data/local/tmp/.studio/bin/installer audit'] },
    { name: 'a file that cannot be run', platform: 'android', report: { files: [{ path: '/data/local/tmp/notes.txt', executable: false }, { path: '/data/local/tmp/collector', executable: true }] }, finds: [] },
    { name: 'a program of an app, elsewhere', platform: 'android', report: { files: [{ path: '/data/app/com.example/lib/arm64/tool', executable: true }] }, finds: [] },
    { name: 'nobody says whether it can be run', platform: 'android', report: { files: [{ path: '/data/local/tmp/x86' }] }, finds: [] },
    { name: 'files are not told', platform: 'android', report: { processes: ['init'] }, finds: 'unknown' }
  ],

  detect ({ state: { files } }) {
    const matches: Match[] = []
    files?.forEach(({ path, executable }, index) => {
      if (executable !== true || path === undefined || !path.startsWith(SHELL_FOLDER) || FORENSIC_FILES.includes(path)) return
      const isDevelopment = DEVELOPMENT_FILES.some((known) => path.startsWith(known))
      matches.push({
        subject: path,
        title: isDevelopment
          ? `${path} was left by development tools.`
          : `${path} can be run and lies where only a computer or an exploit puts programs.`,
        evidence: [{ path: `files[${index}].path`, value: path }, { path: `files[${index}].executable`, value: true }],
        ...(isDevelopment ? { severity: 'audit' as const } : {})
      })
    })
    return matches
  }
}
