import fc from 'fast-check'
import t from 'tap'
import { parsePattern, PatternSyntaxError } from '../../../src/intel/feeds/stix-pattern-syntax.js'
import { readPattern } from '../../../src/intel/feeds/stix-pattern.js'

const SHA256 = 'ab'.repeat(32)
const SHA1 = 'cd'.repeat(20)
const MD5 = 'ef'.repeat(16)

/** Pattern, and what is read: `type value`, or a reason after an exclamation mark. */
const READINGS: ReadonlyArray<[pattern: string, reads: readonly string[]]> = [
  ["[domain-name:value = 'a.example']", ['domain a.example']],
  ["( [ domain-name:value='a.example' ] )", ['domain a.example']],
  ["[(domain-name:value == 'a.example')]", ['domain a.example']],
  ["// all of it\n[domain-name:value /* here */ = 'a.example']", ['domain a.example']],
  ["[domain-name:value = 'a.example' OR domain-name:value = 'b.example']", ['domain a.example', 'domain b.example']],
  ["[domain-name:value = 'a.example' or ipv4-addr:value = '198.51.100.1' OR url:value = 'http://c.example/x']", ['domain a.example', 'ipv4 198.51.100.1', 'url http://c.example/x']],
  ["[domain-name:value = 'a.example'] OR [ipv4-addr:value = '198.51.100.1']", ['domain a.example', 'ipv4 198.51.100.1']],
  ["([a:x = '1'] OR [domain-name:value = 'b.example'])", ['domain b.example', '! pattern on a:x']],
  ["[domain-name:value IN ('a.example', 'b.example')]", ['domain a.example', 'domain b.example']],
  ['[domain-name:value IN ()]', ['! pattern on domain-name:value with something other than text']],
  ["[domain-name:value NOT IN ('a.example')]", ['! pattern with NOT']],
  ["[NOT domain-name:value = 'a.example']", ['! pattern with NOT']],
  ["[domain-name:value != 'a.example']", ['! pattern with NOT']],
  ["[domain-name:value <> 'a.example']", ['! pattern with NOT']],
  // A file is known by its hash; its name alone says nothing.
  [`[file:name = 'a.apk' AND file:hashes.'SHA-256' = '${SHA256}']`, [`sha256 ${SHA256}`]],
  [`[file:hashes.MD5 = '${MD5}' AND file:hashes.'SHA-1' = '${SHA1}' AND file:size = 12]`, [`md5 ${MD5}`, `sha1 ${SHA1}`]],
  [`[file:name = 'a.apk' AND (file:hashes.MD5 = '${MD5}' OR file:hashes."SHA-1" = '${SHA1}')]`, [`md5 ${MD5}`, `sha1 ${SHA1}`]],
  [`[file:name = 'a.apk' AND (file:hashes.MD5 = '${MD5}' OR file:size = 5)]`, ['! pattern with AND of what says too little alone']],
  [`[file:name = 'a.apk' OR file:hashes.MD5 = '${MD5}']`, ['file-name a.apk', `md5 ${MD5}`]],
  // AND binds tighter.
  [`[file:name = 'a.apk' OR file:name = 'b.apk' AND file:hashes.MD5 = '${MD5}']`, ['file-name a.apk', `md5 ${MD5}`]],
  [`[app:id = 'com.evil' AND app:cert.sha1 = '${SHA1}']`, [`cert-sha1 ${SHA1}`]],
  [`[x509-certificate:hashes.'SHA-1' = '${SHA1}']`, [`cert-sha1 ${SHA1}`]],
  ["[file:parent_directory_ref.path = '/data/local/tmp/' AND file:name = 'implant']", ['file-path /data/local/tmp/implant']],
  ["[file:name = 'a' AND file:size = 12]", ['! pattern with AND of what says too little alone']],
  ["[android-property:name = 'a' AND android-property:value = '1']", ['! pattern with AND of what says too little alone']],
  ["[app:id = 'com.android.chrome' AND process:name = 'x']", ['! pattern with AND of what says too little alone']],
  ["[domain-name:value = 'a.example' AND domain-name:value = 'b.example']", ['! pattern with AND of what says too little alone']],
  ["[domain-name:value = 'a.example' AND domain-name:resolves_to_refs[*].value = '198.51.100.1']", ['domain a.example']],
  ["[network-traffic:dst_ref.type = 'ipv4-addr' AND network-traffic:dst_ref.value = '198.51.100.1' AND network-traffic:dst_port = 8080]", ['domain 198.51.100.1:8080']],
  ["[network-traffic:dst_ref.value = '2001:db8::1' AND network-traffic:dst_port = '443']", ['domain [2001:db8::1]:443']],
  ["[network-traffic:dst_ref.value = 'a.example' AND network-traffic:dst_port IN (80, 443)]", ['domain a.example']],
  ['[network-traffic:dst_port = 8080]', ['! pattern on network-traffic:dst_port']],
  ["[network-traffic:src_ref.value = '198.51.100.1']", ['! pattern on network-traffic:src_ref.value']],
  // Wildcards that the index has too; the rest would be a search.
  ["[app:id LIKE 'com.evil.%']", ['app-id com.evil.*']],
  ["[app:id LIKE 'com.evil']", ['app-id com.evil']],
  ["[app:id LIKE 'com.ev%']", ['! pattern with LIKE that is no wildcard we have']],
  ["[app:id LIKE 'com.evil_app.%']", ['! pattern with LIKE that is no wildcard we have']],
  ["[domain-name:value LIKE '%.evil.example']", ['domain evil.example']],
  ["[domain-name:value LIKE '%evil.example']", ['! pattern with LIKE that is no wildcard we have']],
  ["[url:value LIKE 'https://evil.example/kit/%']", ['url https://evil.example/kit/']],
  ["[url:value LIKE 'https://evil%']", ['! pattern with LIKE that is no wildcard we have']],
  ["[file:path LIKE '/data/local/tmp/wd/%']", ['file-path /data/local/tmp/wd/']],
  ["[directory:path = '/data/local/tmp/wd']", ['file-path /data/local/tmp/wd/']],
  ["[ipv4-addr:value ISSUBSET '198.51.100.0/24']", ['ipv4 198.51.100.0/24']],
  ["[ipv4-addr:value ISSUPERSET '198.51.100.0/24']", ['! pattern with ISSUPERSET']],
  ["[domain-name:value MATCHES '^evil[0-9]+']", ['! pattern with MATCHES']],
  ["[domain-name:value < 'b']", ['! pattern with <']],
  ['[EXISTS file:name]', ['! pattern on file:name with something other than text']],
  ["[file:name = h'aabb']", ['! pattern on file:name with something other than text']],
  ["[domain-name:value = 'a.example'] AND [domain-name:value = 'b.example']", ['! pattern of several observations with AND']],
  ["[domain-name:value = 'a.example'] FOLLOWEDBY [domain-name:value = 'b.example']", ['! pattern of several observations with FOLLOWEDBY']],
  ["[domain-name:value = 'a.example'] REPEATS 5 TIMES", ['! pattern with REPEATS']],
  ["[domain-name:value = 'a.example'] WITHIN 5.5 SECONDS", ['! pattern with WITHIN']],
  ["[domain-name:value = 'a.example'] START t'2024-01-01T00:00:00Z' STOP t'2025-01-01T00:00:00Z'", ['! pattern with START … STOP']],
  ["[domain-name:value = 'a.example'] OR [file:name = 'x'] REPEATS 2 TIMES", ['domain a.example', '! pattern with REPEATS']],
  ["[mutex:name = 'x']", ['! pattern on mutex:name']],
  ...['', '[', '[]', "[domain-name:value = 'a.example'", "domain-name:value = 'a'", "[domain-name = 'a']", "[domain-name:value 'a']", "[domain-name:value = 'a' AND]", "[domain-name:value = 'a'] x",
    '[domain-name:value = "a"]', '[domain-name:value = ]', "[domain-name:value = 'a\\']", 'rule x { condition: true }'].map((pattern): [string, string[]] => [pattern, ['! pattern that cannot be read']])
]

const summary = (pattern: string): string[] => {
  const { values, skipped } = readPattern(pattern)
  return [...values.map(({ type, value }) => `${type} ${value}`), ...skipped.map((reason) => `! ${reason}`)]
}

t.test('reads what can be matched exactly, and says why the rest cannot', async (t) => {
  for (const [pattern, reads] of READINGS) t.strictSame(summary(pattern), reads, pattern)
})

t.test('a fault is named by its place', async (t) => {
  t.throws(() => parsePattern("[domain-name:value = 'a' AND ]"), new PatternSyntaxError('a path was expected at character 30'))
  t.throws(() => parsePattern("[domain-name:value ~ 'a']"), new PatternSyntaxError('nothing of a pattern at character 20'))
})

t.test('is not led into depth or length', async (t) => {
  t.strictSame(summary(`${'('.repeat(32)}[domain-name:value = 'a.example']${')'.repeat(32)}`), ['domain a.example'])
  for (const pattern of [
    `${'('.repeat(100_000)}[domain-name:value = 'a.example']${')'.repeat(100_000)}`,
    `[${'('.repeat(100_000)}domain-name:value = 'a.example'${')'.repeat(100_000)}]`,
    `[domain-name:value = '${'a'.repeat(300_000)}']`
  ]) t.strictSame(summary(pattern), ['! pattern that cannot be read'])

  const many = `[${Array.from({ length: 5_000 }, (_, i) => `domain-name:value = 'a${i}.example'`).join(' OR ')}]`
  t.equal(readPattern(many).values.length, 5_000)
})

t.test('takes no longer than the pattern is long', async (t) => {
  const hostile = ["'", "'\\", '/*', '/* *', '/***', '[a:b', 'a:b.', "a:b.'", '[1]', 't', '(', ' ', '//', '--', "[domain-name:value IN ('a',"].map((piece) => piece.repeat(Math.floor(250_000 / piece.length)))
  for (const pattern of hostile) {
    const start = performance.now()
    readPattern(pattern)
    // A quadratic reading of this length takes many seconds.
    t.ok(performance.now() - start < 1_000, JSON.stringify(pattern.slice(0, 20)))
  }
})

t.test('any text is read or refused, never an error', async () => {
  const piece = fc.constantFrom('[', ']', '(', ')', ' ', "'a.example'", 'domain-name:value', 'file:hashes.MD5', '=', 'AND', 'OR', 'NOT', 'IN', 'LIKE', ',', '5', "t'x'", 'FOLLOWEDBY', 'REPEATS', 'TIMES', "'", '\\', '/*', '*/', 'é')
  fc.assert(fc.property(fc.oneof(fc.string(), fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(' '))), (pattern) => {
    const { values, skipped } = readPattern(pattern)
    if (values.length + skipped.length === 0) throw new Error('neither read nor refused')
  }), { numRuns: 3_000 })
  const constant = fc.string().map((text) => ({ text, quoted: `'${text.replace(/[\\']/g, '\\$&')}'` }))
  fc.assert(fc.property(fc.array(constant, { minLength: 1, maxLength: 5 }), (constants) => {
    const read = readPattern(`[${constants.map(({ quoted }) => `process:name = ${quoted}`).join(' OR ')}]`).values.map(({ value }) => value)
    if (JSON.stringify(read) !== JSON.stringify(constants.map(({ text }) => text))) throw new Error(JSON.stringify(read))
  }), { numRuns: 1_000 })
})
