import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { extract } from 'tar'
import { packageRoot } from '../src/platform/package-root.js'

const run = promisify(execFile)

/** A Sallyport that can be started. */
export interface Build {
  /** For people: the commit's short id, or `this one`. */
  readonly name: string
  /** Of package.json and bin/. */
  readonly folder: string
  /** Names of its migrations. */
  readonly migrations: readonly string[]
  /** Packages of which it was made with another version than those that are installed, with which it runs here. */
  readonly otherPackages: readonly string[]
}

/** Why there is no older build to be had here. */
export class NoOldBuildError extends Error {}

/** Migrations that the older version lacks, unless a revision is named. */
const MIGRATIONS_BEHIND = 3
const MAX_BUFFER = 64 * 1024 * 1024

interface Blob { readonly name: string, readonly id: string }

/** The Sallyport of this working tree, as it is compiled. */
export async function currentBuild (): Promise<Build> {
  return { name: 'this one', folder: packageRoot, migrations: (await listMigrationBlobs('HEAD')).map(({ name }) => name), otherPackages: [] }
}

/**
 * The compiled Sallyport of a revision of this repository, built once into `dist/old` with the packages that are installed.
 * @param revision by default the newest commit that has all but the last three of our migrations
 * @throws NoOldBuildError when the history does not have it (a shallow clone, a copy without git)
 */
export async function buildRevision (revision: string | undefined, tell: (message: string) => void): Promise<Build> {
  const commit = revision === undefined ? await findOlder() : await resolve(revision)
  const folder = join(packageRoot, 'dist', 'old', commit)
  if (!existsSync(folder)) {
    tell(`building ${commit.slice(0, 7)} …`)
    await compile(commit, folder)
  }
  return {
    name: commit.slice(0, 7),
    folder,
    migrations: (await listMigrationBlobs(commit)).map(({ name }) => name),
    otherPackages: await comparePackages(folder)
  }
}

async function git (...args: string[]): Promise<string> {
  try {
    return (await run('git', args, { cwd: packageRoot, maxBuffer: MAX_BUFFER })).stdout
  } catch (error) {
    throw new NoOldBuildError(`git cannot tell (${args.slice(0, 2).join(' ')}): ${(error as { stderr?: string }).stderr?.trim() ?? String(error)}`, { cause: error })
  }
}

async function resolve (revision: string): Promise<string> {
  return (await git('rev-parse', '--verify', '--end-of-options', `${revision}^{commit}`)).trim()
}

async function listMigrationBlobs (revision: string): Promise<Blob[]> {
  const lines = (await git('ls-tree', revision, 'migrations/')).split('\n').filter((line) => line.endsWith('.sql'))
  return lines.map((line) => ({ id: line.split(/\s+/)[2]!, name: line.split('migrations/')[1]! }))
}

/** One that goes with our files: what it has, we have unchanged. */
async function findOlder (): Promise<string> {
  const ours = await listMigrationBlobs('HEAD')
  const wanted = ours.slice(0, -MIGRATIONS_BEHIND)
  for (const commit of (await git('rev-list', 'HEAD')).split('\n').filter((line) => line !== '')) {
    const theirs = await listMigrationBlobs(commit)
    if (theirs.length === wanted.length && theirs.every(({ id, name }, at) => id === wanted[at]!.id && name === wanted[at]!.name)) return commit
  }
  throw new NoOldBuildError(`no commit of this history ends with ${wanted.at(-1)?.name}: a shallow clone has too little of it (\`git fetch --unshallow\`), and --from names another`)
}

/** Whole or not at all, so that what was interrupted is not taken for a build. */
async function compile (commit: string, folder: string): Promise<void> {
  const unfinished = `${folder}.unfinished`
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { recursive: true })
  const archive = join(unfinished, 'files.tar')
  await git('archive', '-o', archive, commit)
  await extract({ file: archive, cwd: unfinished })
  await rm(archive)
  // Packages are looked for further up, in ours. Types of newer ones may differ, which is told and stops nothing: what counts is how it runs.
  const compiler = spawn(process.execPath, [join(packageRoot, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json'], { cwd: unfinished, stdio: ['ignore', 2, 2] })
  await once(compiler, 'close')
  if (!existsSync(join(unfinished, 'dist', 'src', 'cli.js'))) throw new NoOldBuildError(`${commit} could not be compiled with the packages that are installed`)
  await rename(unfinished, folder)
  await writeFile(join(folder, 'dist', 'built-from'), `${commit}\n`)
}

interface Lock { readonly packages: Readonly<Record<string, { readonly version?: string, readonly dev?: boolean }>> }

async function comparePackages (folder: string): Promise<string[]> {
  const read = async (from: string): Promise<Lock['packages']> => (JSON.parse(await readFile(join(from, 'package-lock.json'), 'utf8')) as Lock).packages
  const [theirs, ours] = [await read(folder), await read(packageRoot)]
  return Object.entries(theirs)
    .filter(([path, { version, dev }]) => path !== '' && dev !== true && ours[path]?.version !== version)
    .map(([path, { version }]) => `${path.replace(/^node_modules\//, '')} ${version} (here ${ours[path]?.version ?? 'none'})`)
}
