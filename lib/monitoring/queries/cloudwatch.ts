/** Monitoring, the adapter for CloudWatch over what SageMaker publishes of a variant: expressions in, metric math out. Plain data. */

import type { Expression, Filter } from '../expression.js';

/** A metric with one statistic; the dimensions are the endpoint's and the variant's names. */
export interface SageMakerMetric {
  readonly namespace: 'AWS/SageMaker' | '/aws/sagemaker/Endpoints';
  readonly name: string;
  /** `Sum`, `Average`, `Maximum`, `SampleCount`, a percentile (`p99`) or a count of larger values (`TC(50000:)`). */
  readonly statistic: string;
}

/** A value in CloudWatch's metric math. */
export interface CloudWatchValue {
  /** Names of `metrics`, numbers and functions. */
  readonly expression: string;
  readonly metrics: Readonly<Record<string, SageMakerMetric>>;
}

/** What a machine of the variant has; CloudWatch counts processors and accelerators in percent of one. */
export interface VariantMachine {
  readonly processors: number;
  readonly memoryBytes: number;
}

const invocation = (name: string, statistic: string): SageMakerMetric => ({
  namespace: 'AWS/SageMaker',
  name,
  statistic,
});
const instance = (name: string, statistic: string): SageMakerMetric => ({
  namespace: '/aws/sagemaker/Endpoints',
  name,
  statistic,
});

const requestMetrics: Readonly<Record<string, string>> = {
  '': 'Invocations',
  'code=4': 'Invocation4XXErrors',
  'code=5': 'Invocation5XXErrors',
};

const filterKey = (where: readonly Filter[] = []): string =>
  where.map((filter) => `${filter.label}=${'equals' in filter ? filter.equals : filter.startsWith}`).join(',');

const duration = 'http_server_request_duration_seconds';

/** A metric's id: the same metric has one id wherever it stands. Metric math asks for a lower-case letter first. */
const idOf = ({ name, statistic }: SageMakerMetric): string =>
  `${name[0]!.toLowerCase()}${name.slice(1)}_${statistic.replace(/\W+/g, '_').replace(/_$/, '')}`;

/** One metric in metric math. */
export const read = (metric: SageMakerMetric, form: (id: string) => string = (id) => id): CloudWatchValue => ({
  expression: form(idOf(metric)),
  metrics: { [idOf(metric)]: metric },
});

/** A counter without a data point has counted nothing. */
const counted = (id: string) => `FILL(${id}, 0)`;

function requests(where: readonly Filter[] | undefined): SageMakerMetric | null {
  const name = requestMetrics[filterKey(where)];
  return name === undefined ? null : invocation(name, 'Sum');
}

/**
 * Says an expression in metric math over the metrics of one variant; null where SageMaker publishes nothing of the kind.
 *
 * Latency is the model's, from the request's arrival at the container to its answer. `above` uses the count of values beyond a bound, which
 * CloudWatch takes from the distribution. Over several machines utilization is the mean machine's, a `worstShare` the fullest one's.
 */
export function cloudWatchValue(expression: Expression, machine: VariantMachine): CloudWatchValue | null {
  switch (expression.op) {
    case 'rate': {
      if (expression.metric === 'process_cpu_seconds_total') {
        return read(instance('CPUUtilization', 'Average'), (id) => `${id} / 100`);
      }
      const metric = expression.metric === 'onnx_requests_total' ? requests(expression.where) : null;
      return metric && read(metric, (id) => `${counted(id)} / PERIOD(${id})`);
    }
    case 'count': {
      const metric = expression.metric === 'onnx_requests_total' ? requests(expression.where) : null;
      return metric && read(metric, counted);
    }
    case 'quantile':
      return expression.metric === duration
        ? read(invocation('ModelLatency', `p${Number((100 * expression.q).toPrecision(6))}`), (id) => `${id} / 1000000`)
        : null;
    case 'mean':
      return expression.metric === duration
        ? read(invocation('ModelLatency', 'Average'), (id) => `${id} / 1000000`)
        : null;
    case 'observed':
      return expression.metric === duration ? read(invocation('ModelLatency', 'SampleCount'), counted) : null;
    case 'above':
      return expression.metric === duration
        ? read(invocation('ModelLatency', `TC(${Math.round(expression.bound * 1e6)}:)`), counted)
        : null;
    case 'gauge':
      return gauge(expression.metric, machine);
    case 'worstShare':
      return expression.metric === 'process_resident_memory_bytes'
        ? read(instance('MemoryUtilization', 'Maximum'), (id) => `${id} / 100`)
        : null;
    case 'ratio':
      return ratio(expression.of, expression.to, machine);
    case 'budgetLeft':
    case 'reachable':
    case 'drift':
      return null;
  }
}

function gauge(metric: string, { processors, memoryBytes }: VariantMachine): CloudWatchValue | null {
  if (metric === 'onnx_requests_in_flight') return read(invocation('ConcurrentRequestsPerModel', 'Maximum'));
  if (metric === 'process_resident_memory_bytes') {
    return read(instance('MemoryUtilization', 'Average'), (id) => `${id} / 100 * ${memoryBytes}`);
  }
  const constants: Readonly<Record<string, number>> = {
    onnx_processors: processors,
    onnx_memory_limit_bytes: memoryBytes,
  };
  const value = constants[metric];
  return value === undefined ? null : { expression: String(value), metrics: {} };
}

function ratio(of: Expression, to: Expression, machine: VariantMachine): CloudWatchValue | null {
  const [over, under] = [cloudWatchValue(of, machine), cloudWatchValue(to, machine)];
  if (!over || !under) return null;
  const metrics = { ...over.metrics, ...under.metrics };
  const [above, below] = [`(${over.expression})`, `(${under.expression})`];
  // Nothing of nothing is no error.
  const expression =
    Object.keys(under.metrics).length === 0 ? `${above} / ${below}` : `IF(${below} > 0, ${above} / ${below}, 0)`;
  return { expression, metrics };
}
