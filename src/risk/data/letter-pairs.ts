/**
 * Which letters follow which in the words, names and brands of languages that are written in
 * Latin letters (English, German, French, Spanish, Italian, Polish, pinyin). 323 of the
 * 676 pairs make up nearly all of a name; of pairs taken by lot, fewer than half are among them.
 */
export const COMMON_PAIRS: ReadonlyMap<string, string> = new Map([
  ['a', 'bcdfghiklmnoprstuvwxyz'],
  ['b', 'abeiloruy'],
  ['c', 'aceghiklortuyz'],
  ['d', 'adegiorsuwyz'],
  ['e', 'abcdefgiklmnoprstuvwxyz'],
  ['f', 'aefilortu'],
  ['g', 'aeghilnorsu'],
  ['h', 'aeilnortuy'],
  ['i', 'abcdefgklmnoprstvz'],
  ['j', 'aeiou'],
  ['k', 'aeilnorstuy'],
  ['l', 'adefiklmopstuvy'],
  ['m', 'abeimnopsuy'],
  ['n', 'acdefgiknostuyz'],
  ['o', 'abcdefgiklmnoprstuvwy'],
  ['p', 'aehiloprstuy'],
  ['q', 'iu'],
  ['r', 'abcdefgiklmnorstuvyz'],
  ['s', 'acehiklmnopstuwyz'],
  ['t', 'aceghilorstuwyz'],
  ['u', 'abcdegilmnprstx'],
  ['v', 'aeio'],
  ['w', 'aehinors'],
  ['x', 'aeipt'],
  ['y', 'aceilmnopstu'],
  ['z', 'aehiouy']
])
