import { InvalidInputError } from '../../errors.js'

/** A JSON file as data. @throws InvalidInputError naming the line, where the engine tells the position */
export function parseJson (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    const { message } = error as Error
    const position = /at position (\d+)/.exec(message)?.[1]
    const line = position === undefined ? undefined : text.slice(0, Number(position)).split('\n').length
    // The engine quotes the file in some of its messages.
    throw new InvalidInputError([{ path: line === undefined ? '' : `line ${line}`, message: `is not JSON: ${message.slice(0, 200)}` }], 'The file')
  }
}
