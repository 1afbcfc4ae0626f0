import { InvalidArgumentError, Option } from 'commander'

/** @throws InvalidArgumentError */
export function wholeNumber (text: string): number {
  const number = Number(text)
  if (!Number.isInteger(number) || number < 0) throw new InvalidArgumentError('must be a whole number, 0 or more')
  return number
}

export const DATA_DIR = new Option('--data-dir <dir>', 'data folder of the embedded installation (default: data)')
