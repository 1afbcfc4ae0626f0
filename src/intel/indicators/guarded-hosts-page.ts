import { GUARD_CATEGORIES, GUARDED_HOSTS, type GuardCategory } from './guarded-hosts.js'

/** The list as a table for docs/: a row for each category. */
export function renderGuardedHosts (): string {
  const rows = Object.entries(GUARD_CATEGORIES).map(([category, reason]) => {
    const hosts = GUARDED_HOSTS.filter((one) => one.category === category as GuardCategory).map(({ host, withAllBelow }) => withAllBelow ? `**${host}**` : host)
    return `| ${category} | ${reason} | ${hosts.join(' ')} |`
  })
  return ['| category | why | hosts |', '| --- | --- | --- |', ...rows].join('\n')
}
