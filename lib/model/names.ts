/** Step 1 of the road: which of the names a model has is meant by one it does not have. */

/** At most five of the names, the most similar first: those that hold the whole of it, then those that take the fewest changes. */
export function closest(name: string, names: readonly string[]): string[] {
  const asked = name.toLowerCase();
  const distances = new Map(names.map((known) => [known, distance(asked, known.toLowerCase())]));
  return [...new Set(names)].sort((one, other) => distances.get(one)! - distances.get(other)!).slice(0, 5);
}

/** Whether two names are the same but for case, an ending such as `.onnx`, or a few letters: at most one in three. */
export function isNearly(name: string, other: string): boolean {
  const [one, two] = [name, other].map((each) => each.toLowerCase().replace(/\.(onnx|profile\.json)$/, '')) as [
    string,
    string,
  ];
  return editDistance(one, two) <= Math.floor((Math.min(one.length, two.length) + 1) / 3);
}

/** A name that is only longer is meant more often than one of other letters. */
function distance(asked: string, known: string): number {
  return asked !== '' && known.includes(asked)
    ? (known.length - asked.length) / known.length
    : editDistance(asked, known);
}

/** How many letters have to be put in, taken out or changed. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [done, letter] of [...from].entries()) {
    const next = [done + 1];
    for (let at = 1; at <= to.length; at += 1) {
      const changed = row[at - 1]! + (to[at - 1] === letter ? 0 : 1);
      next.push(Math.min(changed, row[at]! + 1, next[at - 1]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}
