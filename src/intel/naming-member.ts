import { InvalidInputError, UnprocessableError } from '../errors.js'

/** Faults of a file in an archive say which file. */
export function namingMember<T> (name: string | undefined, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (name === undefined) throw error
    if (error instanceof InvalidInputError) throw new InvalidInputError(error.faults.map(({ path, message }) => ({ path: path === '' ? name : `${name} ${path}`, message })), 'The archive')
    if (error instanceof UnprocessableError) throw new UnprocessableError(`${name}: ${error.message}`)
    throw error
  }
}
