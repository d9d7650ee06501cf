/** Step 1 of the road: shapes of recurrent networks. */

import { size } from './dims.js';
import { type Dims, dims, dtype, each, int, type Rule, type Rules, text } from './rule.js';

/** All steps, then the last state, which an LSTM has two of. */
const recurrent: Rule = (call) => {
  const from = dims(call, 0);
  const hidden = size(int(call, 'hidden_size', null)) ?? dims(call, 2)?.[2] ?? null;
  const directions = text(call, 'direction', 'forward') === 'bidirectional' ? 2 : 1;
  const last = int(call, 'layout', 0) === 1;
  const [steps, batch] = last ? [from?.[1] ?? null, from?.[0] ?? null] : [from?.[0] ?? null, from?.[1] ?? null];
  const type = dtype(call, 0);
  const all: Dims = last ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden];
  const state = { dtype: type, shape: last ? [batch, directions, hidden] : [directions, batch, hidden] };
  return [{ dtype: type, shape: all }, state, state];
};

export const recurrents: Rules = each(recurrent, [
  ...['GRU', 'LSTM', 'RNN', 'com.microsoft:AttnLSTM', 'com.microsoft:DynamicQuantizeLSTM'],
]);
