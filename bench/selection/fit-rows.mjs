// Fits rows of efficiency.csv to measured cases, with the estimator itself as the model.
import { leastSquares } from './least-squares.mjs';
import { built, deviceOfCase, workOfCase } from './works.mjs';

const { estimator } = built('hardware', 'estimate', 'estimate.js');
const { tableOf } = built('hardware', 'estimate', 'efficiency.js');
const { gpus } = built('hardware', 'catalogue', 'tables.js');

/** Cases of one device, network and form as one, at the median of their times. */
export function groups(cases) {
  const found = new Map();
  for (const one of cases) {
    const key = JSON.stringify([one.device, one.network, one.dims, one.execution]);
    if (!found.has(key)) found.set(key, { ...one, logs: [] });
    found.get(key).logs.push(Math.log(one.ms));
  }
  return [...found.values()].map(({ logs, ...one }) => {
    logs.sort((a, b) => a - b);
    const middle = (logs.length - 1) / 2;
    return { ...one, log: (logs[Math.floor(middle)] + logs[Math.ceil(middle)]) / 2, results: logs.length };
  });
}

/** Deviation of the median of so many results: systems with one GPU differ by about 12%, a few of them average out. */
const deviationOf = (results) => 0.12 / Math.sqrt(Math.min(results, 4));

/**
 * The parameters under which the rows fit the data best, by name.
 *
 * priors: by name, `[mean, deviation]` before any result is seen; rowsOf: from a function of names to rows; touches: whether a parameter
 * has to do with a datum.
 */
function fitParameters(data, priors, rowsOf, touches) {
  const names = Object.keys(priors);
  const at = new Map(names.map((name, index) => [name, index]));
  const value = (x) => (name) => x[at.get(name)] ?? 0;
  const devices = data.map(deviceOfCase);
  const works = data.map(workOfCase);
  const residuals = (x, which) => {
    const estimate = estimator(tableOf(rowsOf(value(x))), gpus());
    return which.map((index) => {
      const { execution, log, results } = data[index];
      return (Math.log(estimate(works[index], devices[index], execution).latencyMs) - log) / deviationOf(results);
    });
  };
  const known = names.map((name) => data.map((_, index) => index).filter((index) => touches(name, data[index])));
  const x = leastSquares({
    data: data.length,
    residuals,
    priors: names.map((name) => priors[name]),
    touched: (index) => known[index],
  });
  return value(x);
}

/**
 * Rows whose parameters hold for all devices (`common`) or for one, whose names begin with its id.
 *
 * @returns the fitted rows, the function from names to values behind them, and the names
 */
export function fittedRows(data, priors, common, rowsOf) {
  const touches = (name, { device }) => name in common || name.startsWith(`${device.id} `);
  const value = fitParameters(data, priors, rowsOf, touches);
  return { rows: rowsOf(value), value, names: Object.keys(priors) };
}

/** A row of a class that costs nothing or a fixed time, whatever the device. */
export const fixedRow = (stack, kind, floorUs) => ({
  device: '*',
  stack,
  precision: '*',
  class: kind,
  compute: 1,
  bandwidth: 1,
  floorUs,
  exponent: 2,
  cached: 1,
  powerExponent: 0,
});
