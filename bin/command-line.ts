/** The command that was given, said again as another one that follows from it, for people to paste. */

import { quoted } from '../lib/local/sample.js';

/** Options that the other command does not have, or has with another meaning, and whether a value follows them. */
export type LeftOut = Readonly<Record<string, 'flag' | 'value'>>;

/**
 * @param given - words after the program's name, the verb first
 * @param more - words to add, quoted already
 */
export function commandAs(
  verb: string,
  leftOut: LeftOut,
  more: readonly string[] = [],
  given: readonly string[] = process.argv.slice(2),
): string {
  const words: string[] = [];
  for (let index = 1; index < given.length; index++) {
    const word = given[index]!;
    const kind = leftOut[word.split('=', 1)[0]!];
    if (kind === undefined) words.push(quoted(word));
    else if (kind === 'value' && !word.includes('=')) index++;
  }
  return ['slipway', verb, ...words, ...more].join(' ');
}
