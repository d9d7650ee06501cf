/** For the tests of drift: windows without any drift, drawn by chance, and the figures of the rules computed apart from them. */

export type Counts = readonly number[];

interface Draw {
  /** In the window. */
  readonly rows: number;
  readonly samples: number;
  /** As equal as the samples can be cut. */
  readonly bins: number;
  readonly trials: number;
  readonly seed: number;
  /** Moves every row, which then drifts. */
  readonly moved?: (value: number) => number;
}

/** Evenly spread numbers from 0 to 1, the same for the same seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const sum = (values: Counts): number => values.reduce((total, value) => total + value, 0);

/** Counts of samples, and of rows of the very same distribution unless moved, in bins that the samples are cut into as the optimizer does. */
export function drawn({
  rows,
  samples,
  bins,
  trials,
  seed,
  moved = (value) => value,
}: Draw): { reference: Counts; seen: Counts }[] {
  const random = generator(seed);
  return Array.from({ length: trials }, () => {
    const sample = Array.from({ length: samples }, random).sort((a, b) => a - b);
    const places = Array.from({ length: bins - 1 }, (_, cut) => Math.round(((cut + 1) * samples) / bins));
    const edges = places.map((place) => (sample[place - 1]! + sample[place]!) / 2);
    const reference = [...places, samples].map((place, bin) => place - (places[bin - 1] ?? 0));
    const seen = new Array<number>(bins).fill(0);
    for (let row = 0; row < rows; row++) {
      const value = moved(random());
      const bin = edges.findIndex((edge) => value <= edge);
      seen[bin < 0 ? bins - 1 : bin]! += 1;
    }
    return { reference, seen };
  });
}

const shares = (counts: Counts): Counts => counts.map((count) => (count + 0.5) / (sum(counts) + counts.length / 2));

export function psiOf(reference: Counts, seen: Counts): number {
  const [q, p] = [shares(reference), shares(seen)];
  return sum(p.map((share, bin) => (share - q[bin]!) * Math.log(share / q[bin]!)));
}

export function jensenShannon(reference: Counts, seen: Counts): number {
  const [q, p] = [shares(reference), shares(seen)];
  const far = (from: number, to: number): number => from * Math.log2((2 * from) / (from + to));
  return Math.sqrt(sum(p.map((share, bin) => far(share, q[bin]!) + far(q[bin]!, share))) / 2);
}

interface Limit {
  readonly bins: number;
  readonly rows: number;
  readonly samples: number;
  /** That are watched on this side. */
  readonly figures: number;
}

/** What the rules take as the most that chance gives. */
export function limitOf({ bins, rows, samples, figures }: Limit): number {
  const degrees = bins - 1;
  const spread = 2 / (9 * degrees);
  const deviations = Math.sqrt(5.41 + 1.82 * Math.log(figures));
  return degrees * (1 - spread + deviations * Math.sqrt(spread)) ** 3 * (1 / rows + 1 / samples);
}

/** Share of windows whose PSI is beyond the limit, which is at least `psi`. */
export function chance(draw: Draw, psi = 0): number {
  const limit = Math.max(psi, limitOf({ ...draw, figures: 1 }));
  return drawn(draw).filter(({ reference, seen }) => psiOf(reference, seen) > limit).length / draw.trials;
}

/** Share of windows in which any of so many figures is. */
export function allChance(draw: Draw, figures: number): number {
  const limit = limitOf({ ...draw, figures });
  const beyond = drawn({ ...draw, trials: draw.trials * figures }).map(
    ({ reference, seen }) => psiOf(reference, seen) > limit,
  );
  const windows = Array.from({ length: draw.trials }, (_, window) =>
    beyond.slice(window * figures, (window + 1) * figures).some(Boolean),
  );
  return windows.filter(Boolean).length / draw.trials;
}
