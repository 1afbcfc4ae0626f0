import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { InvalidInputError, UnprocessableError } from '../../errors.js'

/** An element: its name without a namespace's prefix, attributes, elements in it, and the text. */
export interface XmlElement {
  readonly name: string
  readonly attributes: Readonly<Record<string, string>>
  readonly children: readonly XmlElement[]
  readonly text: string
}

/** Read at some MB a second, and nothing else is done meanwhile. */
const MAX_XML_LENGTH = 16 * 1024 * 1024
const MAX_DEPTH = 100
const WHAT = 'The XML file'

/**
 * An XML file. Document types are refused, and with them all entities but the five that XML has
 * itself: nothing is fetched, and nothing grows (XXE, "billion laughs").
 * @throws InvalidInputError naming the line, UnprocessableError
 */
export function parseXml (text: string): XmlElement {
  if (text.length > MAX_XML_LENGTH) throw new UnprocessableError(`An XML file has at most ${MAX_XML_LENGTH} characters; this one has ${text.length}.`)
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) throw new InvalidInputError([{ path: lineOf(text, text.search(/<!(?:DOCTYPE|ENTITY)/i)), message: 'must not have a document type or entities' }], WHAT)
  requireShallow(text)
  const fault = XMLValidator.validate(text)
  if (fault !== true) throw new InvalidInputError([{ path: `line ${fault.err.line}`, message: fault.err.msg }], WHAT)
  const parser = new XMLParser({ preserveOrder: true, ignoreAttributes: false, attributeNamePrefix: '', parseTagValue: false, parseAttributeValue: false, trimValues: true, removeNSPrefix: true, ignoreDeclaration: true, ignorePiTags: true })
  let nodes: unknown
  try {
    nodes = parser.parse(text)
  } catch (error) {
    throw new InvalidInputError([{ path: '', message: (error as Error).message.slice(0, 200) }], WHAT)
  }
  const [root] = (nodes as Node[]).map(toElement).filter((one) => one !== undefined)
  if (root === undefined) throw new InvalidInputError([{ path: '', message: 'must have an element' }], WHAT)
  return root
}

/** All elements of this name, wherever below. */
export function elementsNamed (element: XmlElement, name: string): XmlElement[] {
  return element.children.flatMap((child) => [...(child.name === name ? [child] : []), ...elementsNamed(child, name)])
}

type Node = Readonly<Record<string, unknown>>

function toElement (node: Node): XmlElement | undefined {
  const name = Object.keys(node).find((key) => key !== ':@')
  if (name === undefined || name === '#text') return undefined
  const content = node[name] as Node[]
  return {
    name,
    attributes: (node[':@'] ?? {}) as Readonly<Record<string, string>>,
    children: content.map(toElement).filter((one) => one !== undefined),
    text: content.flatMap((one) => one['#text'] === undefined ? [] : [String(one['#text'])]).join(' ')
  }
}

/** Tags counted without recursion: what walks through the tree has it. */
function requireShallow (text: string): void {
  let depth = 0
  for (const [tag] of text.matchAll(/<[/!?]?[^<>]*>/g)) {
    if (tag.startsWith('</')) depth--
    else if (!tag.startsWith('<!') && !tag.startsWith('<?') && !tag.endsWith('/>') && ++depth > MAX_DEPTH) throw new InvalidInputError([{ path: '', message: 'is nested too deep' }], WHAT)
  }
}

function lineOf (text: string, at: number): string {
  return `line ${text.slice(0, at).split('\n').length}`
}
