import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import type { ImportResult } from '../intel/import-feed.js'
import { THREAT_CLASSES, type ThreatClass } from '../intel/indicators/indicator.js'
import { describeError, withIntel } from './open-intel.js'
import { say } from './say.js'

interface Options { feed?: string, format: string, class?: string, allowOlder?: boolean, dataDir?: string, json?: boolean }

/**
 * `sallyport intel import FILE…`: into the database that the environment names, else into
 * the embedded installation of the data folder – through its API while it runs. A file that
 * cannot be imported does not keep the others out.
 * @throws naming every fault of every file
 */
export async function runImportIntel (files: readonly string[], options: Options, env: NodeJS.ProcessEnv): Promise<void> {
  const feeds = feedsOf(files, options.feed)
  const { format, class: threatClass, allowOlder } = options
  if (threatClass !== undefined && !isThreatClass(threatClass)) throw new Error(`--class must be one of ${THREAT_CLASSES.join(', ')}`)
  const faults: string[] = []
  await withIntel(env, options.dataDir, async (intel) => {
    for (const [feed, file] of feeds) {
      try {
        const result = await intel.import({ feed, format, threatClass, allowOlder, body: await readFile(file) })
        say(options.json === true ? JSON.stringify(result) + '\n' : describe(result))
      } catch (error) {
        faults.push(`${file}: ${describeError(error)}`)
      }
    }
  })
  if (faults.length > 0) throw new Error(faults.join('\n'))
}

const isThreatClass = (text: string): text is ThreatClass => (THREAT_CLASSES as readonly string[]).includes(text)

/** Each file under the name of its feed, in their order. Two of one name would replace each other. */
function feedsOf (files: readonly string[], feed: string | undefined): Map<string, string> {
  if (feed !== undefined && files.length > 1) throw new Error('--feed names one feed, but there are several files')
  const feeds = new Map<string, string>()
  for (const file of files) {
    const name = feed ?? feedNameOf(file)
    const other = feeds.get(name)
    if (other !== undefined) throw new Error(`${other} and ${file} would both be the feed ${name}; import them one by one and name them with --feed`)
    feeds.set(name, file)
  }
  return feeds
}

/** `dir/Cytrox List.stix2` → `cytrox-list`; `kev.json.gz` → `kev`. */
function feedNameOf (file: string): string {
  const name = basename(file).replace(/\.gz$/i, '').replace(/\.[^.]+$/, '').toLowerCase().replace(/[^a-z0-9._-]+/g, '-').replace(/^[^a-z0-9]+/, '').slice(0, 100)
  if (name === '') throw new Error(`name the feed of ${file} with --feed`)
  return name
}

function describe ({ feed, format, added, updated, unchanged, withdrawn, skipped, byType }: ImportResult): string {
  const types = Object.entries(byType).filter(([, count]) => count > 0).map(([type, count]) => `${count} ${type}`).join(', ')
  return [
    `${feed} (${format}): ${added} added, ${updated} updated, ${unchanged} unchanged, ${withdrawn} withdrawn`,
    ...(types === '' ? [] : [`  ${types}`]),
    ...skipped.map(({ reason, count, examples }) => `  skipped ${count}: ${reason} (${examples.slice(0, 2).join('; ')})`)
  ].join('\n') + '\n'
}
