// How far estimates lie from measured results, and how often they put two machines in the right order.

export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? null : sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/** Results with their estimates: `{ one, ms }`. */
export function errorsOf(results) {
  const errors = results.map(({ one, ms }) => Math.abs(ms / one.ms - 1));
  return { results: errors.length, median: quantile(errors, 0.5), p90: quantile(errors, 0.9) };
}

/**
 * Share of pairs of results on different devices that the estimates put in the right order, among those of the same model, scenario and
 * software whose measured times for a row differ by more than 20%.
 */
export function orderOf(results) {
  const alike = new Map();
  for (const { one, ms } of results) {
    const key = [one.source, one.model, one.source.endsWith('Offline') ? 'rate' : one.execution.batch].join(' ');
    const rows = one.execution.batch;
    const device = [one.device.id, one.device.share, one.device.cores].join(' ');
    alike.set(key, [...(alike.get(key) ?? []), { device, measured: one.ms / rows, estimated: ms / rows }]);
  }
  let pairs = 0;
  let right = 0;
  for (const group of alike.values())
    for (const [index, a] of group.entries())
      for (const b of group.slice(index + 1)) {
        if (a.device === b.device || Math.max(a.measured, b.measured) <= 1.2 * Math.min(a.measured, b.measured))
          continue;
        pairs++;
        if (a.measured < b.measured === a.estimated < b.estimated) right++;
      }
  return { pairs, right: pairs === 0 ? null : right / pairs };
}
