import { ANDROID_MANAGEMENT_MAP } from './adapters/android-management.js'
import { ANDROIDQF_FILES } from './adapters/androidqf-folder.js'
import { APPLE_MDM_MAP } from './adapters/apple-mdm.js'
import type { FieldMap } from './adapters/field-map.js'
import { INTUNE_APP_SYNC_MAP } from './adapters/intune-app-sync.js'
import { MVT_FILES, MVT_MAP } from './adapters/mvt-map.js'

const row = (...cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
const table = (heads: readonly string[], rows: ReadonlyArray<readonly string[]>): string =>
  [row(...heads), row(...heads.map(() => '---')), ...rows.map((cells) => row(...cells))].join('\n')

function renderMap ({ fields, lists, unused }: FieldMap): string {
  const rows = [
    ...fields.map(({ from, to, reader }) => [`\`${from}\``, `\`${to}\``, reader.says]),
    ...lists.flatMap((list) => [
      ...(list.omit === undefined ? [] : [[`\`${list.from}[]\``, '', `left out: ${list.omit.says}`]]),
      ...list.fields.map(({ from, to, reader }) => [`\`${list.from}[].${from}\``, `\`${list.to}[].${to}\``, reader.says])
    ])
  ]
  return `${table(['key', 'field of the report', 'how'], rows)}\n\nKnown and not used:\n\n${unused.map(([key, why]) => `- ${key}: ${why}`).join('\n')}`
}

/** Lists of one form under several names are shown once. */
const INTUNE_SHOWN: FieldMap = { ...INTUNE_APP_SYNC_MAP, lists: INTUNE_APP_SYNC_MAP.lists.slice(0, 1) }

/** The tables of docs/ingest.md, by vocabulary, written from what the adapters read. */
export const INGEST_TABLES: Readonly<Record<string, () => string>> = {
  'android-management-api': () => renderMap(ANDROID_MANAGEMENT_MAP),
  'apple-mdm': () => renderMap(APPLE_MDM_MAP),
  'intune-app-sync': () => renderMap(INTUNE_SHOWN),
  androidqf: () => table(['file', 'goes to'], ANDROIDQF_FILES.map(({ name, goesTo }) => [`\`${name}\``, goesTo])),
  mvt: () => `${table(['file', 'goes to'], MVT_FILES.map(({ names, goesTo }) => [names.map((name) => `\`${name}\``).join(', '), goesTo]))}\n\n${renderMap(MVT_MAP)}`
}
