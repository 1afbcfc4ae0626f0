import { InvalidInputError, type FieldFault } from '../../errors.js'
import { MAX_FAULTS } from './parsed-feed.js'

/** A JSON file as data; JSON lines as a list. @throws InvalidInputError naming the line, where the engine tells the position */
export function parseJson (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const { message } = error as Error
    if (areLines(text)) return parseLines(text)
    const position = /at position (\d+)/.exec(message)?.[1]
    const line = position === undefined ? undefined : text.slice(0, Number(position)).split('\n').length
    // The engine quotes the file in some of its messages.
    throw new InvalidInputError([{ path: line === undefined ? '' : `line ${line}`, message: `is not JSON: ${message.slice(0, 200)}` }], 'The file')
  }
}

/** Whether the first line is whole by itself and another follows: each is a document (jsonlines.org). */
function areLines (text: string): boolean {
  const match = /^\s*(\{[^\n]*\})[ \t\r]*\n\s*\{/.exec(text)
  if (match === null) return false
  try {
    JSON.parse(match[1]!)
    return true
  } catch {
    return false
  }
}

function parseLines (text: string): unknown[] {
  const faults: FieldFault[] = []
  const documents = text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return []
    try {
      return [JSON.parse(line) as unknown]
    } catch (error) {
      if (faults.length < MAX_FAULTS) faults.push({ path: `line ${index + 1}`, message: `is not JSON: ${(error as Error).message.slice(0, 200)}` })
      return []
    }
  })
  if (faults.length > 0) throw new InvalidInputError(faults, 'The file')
  return documents
}
