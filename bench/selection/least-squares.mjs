// Non-linear least squares by Levenberg and Marquardt's method, with residuals far out weighted as Huber has it.

/** Solves a symmetric positive definite system by Cholesky's decomposition, in place. */
function solve(matrix, vector) {
  const n = vector.length;
  for (let j = 0; j < n; j++) {
    for (let k = 0; k < j; k++) for (let i = j; i < n; i++) matrix[i][j] -= matrix[i][k] * matrix[j][k];
    const root = Math.sqrt(matrix[j][j]);
    for (let i = j; i < n; i++) matrix[i][j] /= root;
  }
  const x = [...vector];
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i] -= matrix[i][k] * x[k];
    x[i] /= matrix[i][i];
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i] -= matrix[k][i] * x[k];
    x[i] /= matrix[i][i];
  }
  return x;
}

/** Residual that grows like its square up to `far`, and linearly beyond. */
const huber = (residual, far) =>
  Math.abs(residual) <= far ? residual : Math.sign(residual) * Math.sqrt(2 * far * Math.abs(residual) - far * far);

const sum = (values) => values.reduce((total, value) => total + value, 0);

/**
 * The parameters with the least sum of squares.
 *
 * residual: from parameters and the number of a datum to its weighted residual; priors: `[mean, deviation]` of every parameter, a
 * parameter off by its deviation weighs like a residual of 1; touched: the data that a parameter has to do with; far: where residuals
 * stop counting as squares.
 */
export function leastSquares({ data, residuals, priors, touched, far = 1.5, rounds = 40 }) {
  const every = Array.from({ length: data }, (_, index) => index);
  const pull = (x) => x.map((value, index) => (value - priors[index][0]) / priors[index][1]);
  const measured = (x, which) => residuals(x, which).map((residual) => huber(residual, far));
  let x = priors.map(([mean]) => mean);
  let here = measured(x, every);
  const total = (found, at) => sum(found.map((value) => value * value)) + sum(pull(at).map((value) => value * value));
  let damping = 1e-2;
  const step = 1e-4;
  for (let round = 0; round < rounds; round++) {
    // Of each parameter: the data it touches with the slopes of their residuals.
    const slopes = x.map((value, index) => {
      const which = touched(index) ?? every;
      const moved = measured(x.with(index, value + step), which);
      return new Map(which.map((datum, at) => [datum, (moved[at] - here[datum]) / step]));
    });
    const drawn = pull(x);
    const gradient = slopes.map((slope, index) => {
      let value = drawn[index] / priors[index][1];
      for (const [datum, each] of slope) value += each * here[datum];
      return -value;
    });
    const normal = slopes.map((a, i) =>
      slopes.map((b, j) => {
        const [few, many] = a.size < b.size ? [a, b] : [b, a];
        let value = i === j ? 1 / priors[i][1] ** 2 : 0;
        for (const [datum, each] of few) value += each * (many.get(datum) ?? 0);
        return value;
      }),
    );
    const before = total(here, x);
    let gain = 0;
    for (let attempt = 0; attempt < 8 && gain <= 0; attempt++) {
      const damped = normal.map((row, i) => row.map((value, j) => (i === j ? value * (1 + damping) : value)));
      const change = solve(damped, [...gradient]);
      const next = x.map((value, index) => value + change[index]);
      const there = measured(next, every);
      gain = 1 - total(there, next) / before;
      damping *= gain > 0 ? 0.3 : 4;
      if (gain > 0) [x, here] = [next, there];
    }
    if (gain < 1e-5) return x;
  }
  return x;
}
