/** Step 1 of the road: shapes of signal processing. */

import { dtypeOfCode } from '../dtypes.js';
import { axisOf, known, size, withDim } from './dims.js';
import { dims, dtype, has, int, type Rule, type Rules, scalar } from './rule.js';

/** A Fourier transform along an axis. Complex numbers are pairs on the last axis; a one-sided transform of real ones keeps half. */
const fourier: Rule = (call) => {
  const from = dims(call, 0);
  const asInput = call.version >= 20;
  const axisGiven = asInput ? (has(call, 2) ? scalar(call, 2) : -2) : int(call, 'axis', 1);
  const axis = from && axisOf(axisGiven, from.length);
  if (from === null || axis === null) return [{ dtype: dtype(call, 0), shape: null }];
  const length = has(call, 1) ? scalar(call, 1) : null;
  const half = int(call, 'onesided', 0) === 1;
  const [dim, inverse] = [from[axis]!, int(call, 'inverse', 0) === 1];
  if (half && inverse) {
    const whole = has(call, 1) ? length : known((kept) => 2 * (kept! - 1), dim);
    return [{ dtype: dtype(call, 0), shape: withDim(from, axis, size(whole)).with(-1, 1) }];
  }
  const all = has(call, 1) ? length : dim;
  const kept = half ? known((each) => Math.floor(each! / 2) + 1, all) : all;
  return [{ dtype: dtype(call, 0), shape: withDim(from, axis, size(kept)).with(-1, 2) }];
};

/** One transform for each position of the window. */
const shortTime: Rule = (call) => {
  const from = dims(call, 0);
  const step = scalar(call, 1);
  const length = dims(call, 2)?.[0] ?? (has(call, 3) ? scalar(call, 3) : null);
  const frames = known((all, each, by) => Math.floor((all! - each!) / by!) + 1, from?.[1] ?? null, length, step);
  const kept = int(call, 'onesided', 1) === 1 ? known((all) => Math.floor(all! / 2) + 1, length) : length;
  return [{ dtype: dtype(call, 0), shape: [from?.[0] ?? null, size(frames), size(kept), 2] }];
};

const melWeights: Rule = (call) => {
  const bins = known((length) => Math.floor(length! / 2) + 1, scalar(call, 1));
  return [
    { dtype: dtypeOfCode(int(call, 'output_datatype', 1)) ?? 'undefined', shape: [size(bins), size(scalar(call, 0))] },
  ];
};

export const signals: Rules = { DFT: fourier, MelWeightMatrix: melWeights, STFT: shortTime };
