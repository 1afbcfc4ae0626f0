import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parse, stringify } from 'yaml'

/**
 * Renders our chart where there is no `helm`: the part of Go's templates and of Helm's functions that the chart uses, and
 * no more. Whatever else stands in a template is an error. Where `helm` is at hand, chart.test.ts compares both.
 */
export function renderChart (chart: string, values: object, release: { readonly name: string, readonly namespace: string }): Readonly<Record<string, string>> {
  const meta = parse(readFileSync(join(chart, 'Chart.yaml'), 'utf8')) as { name: string, version: string, appVersion: string }
  const files: Files = {
    glob: (pattern) => {
      const [folder = '', file = ''] = pattern.split('/')
      const [start = '', end = ''] = file.split('*')
      return Object.fromEntries(readdirSync(join(chart, folder)).filter((one) => one.startsWith(start) && one.endsWith(end)).sort().map((one) => [`${folder}/${one}`, one]))
    },
    get: (path) => readFileSync(join(chart, path), 'utf8')
  }
  const root = {
    Values: mergeValues(parse(readFileSync(join(chart, 'values.yaml'), 'utf8')), values),
    Chart: { Name: meta.name, Version: meta.version, AppVersion: meta.appVersion },
    Release: { Name: release.name, Namespace: release.namespace, Service: 'Helm' },
    Files: files
  }
  const defined = new Map<string, Node[]>()
  const templates = readdirSync(join(chart, 'templates')).sort().map((name) => [name, parseTemplate(readFileSync(join(chart, 'templates', name), 'utf8'), defined)] as const)
  return Object.fromEntries(templates.filter(([name]) => !name.startsWith('_')).map(([name, nodes]) => [name, render(nodes, { dot: root, root, defined, variables: [{ $: root }] })]))
}

/** As Helm lays values over those of the chart: maps are joined, null removes. */
function mergeValues (base: unknown, over: unknown): unknown {
  if (!isMap(base) || !isMap(over)) return over
  const joined: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(over)) {
    if (value === null) delete joined[key]
    else joined[key] = key in base ? mergeValues(base[key], value) : value
  }
  return joined
}

interface Files { readonly glob: (pattern: string) => Record<string, string>, readonly get: (path: string) => string }

type Node =
  | { readonly kind: 'text', readonly text: string }
  | { readonly kind: 'output', readonly pipeline: string }
  | { readonly kind: 'set', readonly name: string, readonly declares: boolean, readonly pipeline: string }
  | { readonly kind: 'if' | 'with', readonly branches: ReadonlyArray<{ readonly pipeline: string | undefined, readonly body: Node[] }> }
  | { readonly kind: 'range', readonly names: readonly string[], readonly pipeline: string, readonly body: Node[] }

interface Scope {
  readonly dot: unknown
  readonly root: unknown
  readonly defined: ReadonlyMap<string, Node[]>
  /** Innermost last. */
  readonly variables: Array<Record<string, unknown>>
}

const ACTION = /\{\{(-)?\s*(\/\*[\s\S]*?\*\/|(?:"(?:[^"\\]|\\.)*"|[^"}]|\}(?!\}))*?)\s*(-)?\}\}/g

/** Text and actions, as a tree; what is defined goes into the map. */
function parseTemplate (source: string, defined: Map<string, Node[]>): Node[] {
  const tokens: Array<{ readonly text?: string, readonly action?: string }> = []
  let at = 0
  let trimNext = false
  for (const match of source.matchAll(ACTION)) {
    let text = source.slice(at, match.index)
    if (trimNext) text = text.replace(/^\s+/, '')
    if (match[1] !== undefined) text = text.replace(/\s+$/, '')
    tokens.push({ text }, { action: match[2]! })
    trimNext = match[3] !== undefined
    at = match.index + match[0].length
  }
  const rest = source.slice(at)
  tokens.push({ text: trimNext ? rest.replace(/^\s+/, '') : rest })

  let next = 0
  /** Up to one of the words that end a list, which it answers. */
  function parseList (): { readonly nodes: Node[], readonly end: string } {
    const nodes: Node[] = []
    for (; next < tokens.length;) {
      const { text, action } = tokens[next++]!
      if (action === undefined) {
        if (text !== '') nodes.push({ kind: 'text', text: text! })
        continue
      }
      const [, word = '', pipeline = ''] = /^(\S*)\s*([\s\S]*)$/.exec(action)!
      if (action.startsWith('/*')) continue
      if (word === 'end' || word === 'else') return { nodes, end: action }
      if (word === 'define') {
        defined.set(JSON.parse(pipeline) as string, parseList().nodes)
      } else if (word === 'range') {
        const named = /^(\$\w+)(?:\s*,\s*(\$\w+))?\s*:=\s*([\s\S]+)$/.exec(pipeline)
        nodes.push({ kind: 'range', names: named === null ? [] : [named[1]!, named[2]].filter((one) => one !== undefined), pipeline: named?.[3] ?? pipeline, body: parseList().nodes })
      } else if (word === 'if' || word === 'with') {
        const branches: Array<{ pipeline: string | undefined, body: Node[] }> = []
        for (let condition: string | undefined = pipeline; ;) {
          const { nodes: body, end } = parseList()
          branches.push({ pipeline: condition, body })
          if (end === 'end') break
          condition = /^else\s+(?:if|with)\s+([\s\S]+)$/.exec(end)?.[1]
        }
        nodes.push({ kind: word, branches })
      } else {
        const assignment = /^(\$\w+)\s*(:?=)\s*([\s\S]+)$/.exec(action)
        nodes.push(assignment === null
          ? { kind: 'output', pipeline: action }
          : { kind: 'set', name: assignment[1]!, declares: assignment[2] === ':=', pipeline: assignment[3]! })
      }
    }
    return { nodes, end: '' }
  }
  return parseList().nodes
}

function render (nodes: readonly Node[], scope: Scope): string {
  const inner = (dot: unknown, variables: Record<string, unknown> = {}): Scope => ({ ...scope, dot, variables: [...scope.variables, variables] })
  function renderOne (node: Node): string {
    switch (node.kind) {
      case 'text': return node.text
      case 'output': return toText(evaluate(node.pipeline, scope))
      case 'set': {
        const value = evaluate(node.pipeline, scope)
        const frame = node.declares ? scope.variables.at(-1)! : scope.variables.findLast((one) => node.name in one)
        if (frame === undefined) throw new Error(`${node.name} is set and was not declared`)
        frame[node.name] = value
        return ''
      }
      case 'if':
      case 'with':
        for (const { pipeline, body } of node.branches) {
          const value = pipeline === undefined ? scope.dot : evaluate(pipeline, scope)
          if (pipeline === undefined || isTrue(value)) return render(body, inner(node.kind === 'with' && pipeline !== undefined ? value : scope.dot))
        }
        return ''
      case 'range': {
        const over = evaluate(node.pipeline, scope)
        // Go goes through maps in the order of their keys.
        const entries = Array.isArray(over) ? over.map((one, at) => [at, one] as const) : Object.entries(over ?? {}).sort(([a], [b]) => a < b ? -1 : 1)
        return entries.map(([key, value]) => {
          const [first, second] = node.names
          return render(node.body, inner(value, second === undefined ? first === undefined ? {} : { [first]: value } : { [first!]: key, [second]: value }))
        }).join('')
      }
    }
  }
  return nodes.map(renderOne).join('')
}

type Token = { readonly kind: 'word' | 'text' | 'mark', readonly text: string }

const TOKEN = /\s*(?:("(?:[^"\\]|\\.)*")|([()|])|([^\s()|"]+))/gy

function tokenize (pipeline: string): Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  for (let match = TOKEN.exec(pipeline); match !== null; match = TOKEN.exec(pipeline)) {
    tokens.push(match[1] !== undefined ? { kind: 'text', text: JSON.parse(match[1]) as string } : match[2] !== undefined ? { kind: 'mark', text: match[2] } : { kind: 'word', text: match[3]! })
  }
  return tokens
}

function evaluate (pipeline: string, scope: Scope): unknown {
  const tokens = tokenize(pipeline)
  let at = 0
  const isMark = (text: string): boolean => tokens[at]?.kind === 'mark' && tokens[at]!.text === text

  function evaluatePipeline (): unknown {
    let value = evaluateCommand()
    while (isMark('|')) {
      at++
      value = evaluateCommand([value])
    }
    return value
  }

  /** A function with its arguments, or one value; `piped` comes last. */
  function evaluateCommand (piped: readonly unknown[] = []): unknown {
    const first = tokens[at]
    if (first?.kind === 'word' && Object.hasOwn(FUNCTIONS, first.text)) {
      at++
      return FUNCTIONS[first.text]!(scope, [...evaluateArguments(), ...piped])
    }
    if (first?.kind === 'word' && first.text.startsWith('.Files.')) {
      at++
      return callFiles(first.text, scope.root, evaluateArguments())
    }
    if (first?.kind === 'word' && first.text.startsWith('$.Files.')) {
      at++
      return callFiles(first.text.slice(1), scope.root, evaluateArguments())
    }
    if (piped.length > 0) throw new Error(`there is no function for ${pipeline}`)
    return evaluateOperand()
  }

  function evaluateArguments (): unknown[] {
    const found: unknown[] = []
    while (at < tokens.length && !isMark('|') && !isMark(')')) found.push(evaluateOperand())
    return found
  }

  function evaluateOperand (): unknown {
    const token = tokens[at++]
    if (token === undefined) throw new Error(`a value is missing in ${pipeline}`)
    if (token.kind === 'text') return token.text
    if (token.kind === 'mark') {
      if (token.text !== '(') throw new Error(`${token.text} in ${pipeline}`)
      const value = evaluatePipeline()
      if (!isMark(')')) throw new Error(`) is missing in ${pipeline}`)
      at++
      return value
    }
    if (/^-?\d+$/.test(token.text)) return Number(token.text)
    if (token.text === 'true' || token.text === 'false') return token.text === 'true'
    if (Object.hasOwn(FUNCTIONS, token.text)) return FUNCTIONS[token.text]!(scope, [])
    const found = /^(\$\w*)?((?:\.\w*)*)$/.exec(token.text)
    if (found === null) throw new Error(`${token.text} is not known to this renderer`)
    let value = found[1] === undefined ? scope.dot : lookUp(found[1], scope)
    for (const name of found[2]!.split('.').filter((one) => one !== '')) value = isMap(value) ? value[name] : undefined
    return value
  }

  const value = evaluatePipeline()
  if (at < tokens.length) throw new Error(`${tokens[at]!.text} was not expected in ${pipeline}`)
  return value
}

function lookUp (name: string, scope: Scope): unknown {
  const frame = scope.variables.findLast((one) => name in one)
  if (frame === undefined) throw new Error(`there is no variable ${name}`)
  return frame[name]
}

function callFiles (name: string, root: unknown, args: readonly unknown[]): unknown {
  const { glob, get } = (root as { readonly Files: Files }).Files
  if (name === '.Files.Glob') return glob(String(args[0]))
  if (name === '.Files.Get') return get(String(args[0]))
  throw new Error(`${name} is not known to this renderer`)
}

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)
const isTrue = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 : isMap(value) ? Object.keys(value).length > 0 : value !== undefined && value !== null && value !== '' && value !== 0 && value !== false
const toText = (value: unknown): string => value === undefined || value === null ? '' : String(value)
const indent = (count: unknown, text: unknown): string => toText(text).split('\n').map((line) => ' '.repeat(Number(count)) + line).join('\n')

/** Helm's and Sprig's functions, with the piped value last. */
const FUNCTIONS: Readonly<Record<string, (scope: Scope, args: readonly unknown[]) => unknown>> = {
  add: (_, args) => args.reduce((sum: number, one) => sum + Number(one), 0),
  and: (_, args) => args.find((one) => !isTrue(one)) ?? args.at(-1),
  base: (_, [path]) => basename(toText(path)),
  contains: (_, [part, text]) => toText(text).includes(toText(part)),
  default: (_, [fallback, value]) => isTrue(value) ? value : fallback,
  dict: (_, args) => Object.fromEntries(Array.from({ length: args.length / 2 }, (_, at) => [toText(args[2 * at]), args[2 * at + 1]])),
  eq: (_, [value, ...others]) => others.includes(value),
  include: (scope, [name, dot]) => {
    const body = scope.defined.get(name as string)
    if (body === undefined) throw new Error(`there is no template ${String(name)}`)
    return render(body, { ...scope, dot, variables: [{ $: dot }] })
  },
  list: (_, args) => [...args],
  merge: (_, [into, from]) => ({ ...from as object, ...into as object }),
  nindent: (_, [count, text]) => `\n${indent(count, text)}`,
  not: (_, [value]) => !isTrue(value),
  printf: (_, [format, ...args]) => {
    let at = 0
    return (format as string).replace(/%s/g, () => toText(args[at++]))
  },
  quote: (_, [value]) => JSON.stringify(toText(value)),
  required: (_, [message, value]) => {
    if (value === undefined || value === null || value === '') throw new Error(message as string)
    return value
  },
  set: (_, [map, key, value]) => Object.assign(map as object, { [key as string]: value }),
  sha256sum: (_, [text]) => createHash('sha256').update(toText(text)).digest('hex'),
  toString: (_: Scope, [value]: readonly unknown[]) => toText(value),
  toYaml: (_, [value]) => stringify(value, { lineWidth: 0 }).trimEnd(),
  trimSuffix: (_, [suffix, text]) => toText(text).endsWith(toText(suffix)) ? toText(text).slice(0, -toText(suffix).length) : text,
  trunc: (_, [length, text]) => toText(text).slice(0, Number(length))
}
