/** The one place where the rooms meet: a spec and a platform in, a plan out. Pure data, the same for the same input. */

import type { RecipeFile } from './contract/recipe.js';
import type { ServingFile } from './contract/serving.js';
import { checked } from './contract/validate.js';
import { type Problem, ProblemsError, SlipwayError } from './errors.js';
import type { HardwareChoice } from './hardware/choice.js';
import { readMeasurements } from './hardware/measured.js';
import type { Platform } from './hardware/platform.js';
import type { Selection } from './hardware/rank.js';
import { requestProblems } from './hardware/request.js';
import { selectHardware } from './hardware/select.js';
import { readableHooks } from './image/hook-files.js';
import { countedFor, optimizedFiles, planServing } from './image/serving.js';
import { type LockFile, lockPath, placeOf, readLock } from './lock/lock-file.js';
import { lockProblems, type OptimizationSummary, replayOf, summaryOf, targetOf } from './lock/optimization.js';
import { endpointName, type ModelSource } from './model/model.js';
import { describeModel, fixedDimProblems } from './model/model-file.js';
import type { ModelProfile } from './model/profile.js';
import { servingProblems } from './model/read.js';
import { readable } from './model/regular-file.js';
import { boundDims, checkSamples } from './model/sample-checks.js';
import { readLabelsInfo, readSamples } from './model/samples.js';
import { type MonitoringPlan, type MonitoringRequest, monitoringProblems, planMonitoring } from './monitoring/plan.js';
import { doubtfulObjective, unreachableObjective } from './monitoring/reachable.js';
import { planRecipe } from './optimization/recipe.js';
import type { PlatformId } from './platforms.js';
import type { EndpointSpec, ServingSpec } from './spec.js';
import { specProblems } from './spec-problems.js';

/** Everything that was decided for one endpoint. JSON-serialisable. */
export interface EndpointPlan {
  readonly schemaVersion: 1;
  readonly platform: PlatformId;
  readonly name: string;
  readonly source: ModelSource;
  readonly profile: ModelProfile;
  /** Sizes of the symbolic dimensions other than the batch. */
  readonly dims: Readonly<Record<string, number>>;
  readonly hardware: HardwareChoice;
  readonly recipe: RecipeFile;
  /** Figures of the form that the lock keeps for these machines; null where it keeps none, and the build searches. */
  readonly optimization: OptimizationSummary | null;
  readonly serving: ServingFile;
  readonly monitoring: MonitoringPlan;
  /** The user's own files besides model, samples and labels: paths as given, null where there is none. */
  readonly files: {
    /** Python, with the function that `recipe.gate.metric` names. */
    readonly metric: string | null;
    /** Python with `pre` or `post`, or a folder with such a hooks.py. */
    readonly hooks: string | null;
    /** A requirements.txt for the hooks. */
    readonly requirements: string | null;
  };
}

/** How to plan. */
export interface PlanSettings {
  /**
   * Make the form again that the lock keeps for the plan's machines, where it keeps one; else search.
   *
   * @default true
   */
  readonly replay?: boolean;
}

/** A latency objective comes from `objective` unless `monitoring` has its own: the problem is told where the user gave it. */
function asAsked(problem: Problem, spec: EndpointSpec): Problem {
  const inherited = problem.where === 'monitoring.slo.p99Ms' && spec.monitoring?.slo?.p99Ms === undefined;
  return inherited ? { ...problem, where: 'objective.p99Ms' } : problem;
}

/** The model's graph, and the headers of samples and labels; every file that cannot be read is told at once. */
function readFiles(name: string, { model: source, measurements: table, optimization, serving }: EndpointSpec) {
  const problems: Problem[] = [];
  const read = <T, From>(where: string, from: From | undefined, reader: (from: From) => T): T | undefined => {
    try {
      return from === undefined ? undefined : reader(from);
    } catch (error) {
      if (!(error instanceof SlipwayError)) throw error;
      problems.push({ where, what: error.message });
      return undefined;
    }
  };
  const model = read('model', source, describeModel);
  const samples = read('samples', source.calibration, readSamples);
  const labels = read('labels', source.labels, readLabelsInfo);
  const lock = read('lock', lockPath(source), readLock);
  const measurements = read('measurements', table, readMeasurements) ?? [];
  const files = {
    metric: read('optimization.metric.file', optimization?.metric?.file, readable) ?? null,
    hooks: read('serving.hooks', serving?.hooks, readableHooks) ?? null,
    requirements: read('serving.requirements', serving?.requirements, readable) ?? null,
  };
  if (!model || problems.length > 0) throw new ProblemsError(`Endpoint '${name}' cannot be planned`, problems);
  return { model, samples, labels, lock, measurements, files };
}

/** Files of a spec with other problems that cannot be read either, as far as their paths are any. */
function unreadable(spec: EndpointSpec): readonly Problem[] {
  try {
    readFiles('', spec);
    return [];
  } catch (error) {
    // A value of a wrong kind is among the problems of the spec already.
    return error instanceof ProblemsError ? error.problems : [];
  }
}

/** A profile stands for a model elsewhere: only a platform that fetches it can run it. */
function profileProblems({ path, uri }: ModelSource, { id }: Platform): Problem[] {
  if (!path.endsWith('.json')) return [];
  if (id === 'local')
    return [
      { where: 'model', what: `'${path}' is a profile; this machine runs the model itself. Give the .onnx file` },
    ];
  if (uri !== undefined) return [];
  return [
    {
      where: 'model',
      what: `'${path}' is a profile and does not say where the model lies. Give Model.fromProfile(path, { uri })`,
    },
  ];
}

/** What the latency was planned with, unless the user says otherwise; the server on this machine finds its own. */
function servingAsPlanned({ serving }: EndpointSpec, { id }: Platform, { workers }: HardwareChoice): ServingSpec {
  const planned = id === 'local' || workers === null ? {} : { workers };
  return serving?.workers === undefined ? { ...serving, ...planned } : serving;
}

/** On this machine a model runs whatever is promised of it elsewhere: there is no other machine to take. */
function asFarAsBinding(
  { objective, scaling }: EndpointSpec,
  { id }: Platform,
): Pick<Selection, 'objective' | 'scaling'> {
  if (id !== 'local') return { objective, scaling };
  return { objective: objective?.payload && { payload: objective.payload } };
}

/** What a lock keeps for a platform; sizes of serverless endpoints are not locked. */
const lockedPlace = (lock: LockFile | null | undefined, { id, region, mode }: Platform) =>
  mode === 'serverless' ? undefined : lock?.machines?.[placeOf(id, region)];

/** Time between two readings of the metrics, seconds. */
const scrapeSeconds = 2;

/**
 * Plans an endpoint. Reads the model's graph and the headers of the samples, nothing else; starts nothing.
 *
 * @throws ProblemsError: first with every problem of the spec's own values, then with every file that cannot be read, then with
 *   every way in which model, samples, machine and objectives do not fit together
 */
export function planEndpoint(spec: EndpointSpec, platform: Platform, settings: PlanSettings = {}): EndpointPlan {
  const own = specProblems(spec);
  if (!Array.isArray(platform?.machines)) {
    own.push({
      where: 'platform',
      what: `${JSON.stringify(platform)} is no platform; give local() or cloud('aws-sagemaker', { region })`,
    });
  }
  if (own.length > 0) throw new ProblemsError('The endpoint cannot be planned', [...own, ...unreadable(spec)]);

  const source = spec.model;
  const name = endpointName(source);
  const { model, samples, labels, lock, measurements, files } = readFiles(name, spec);
  const { profile } = model;

  const bound = boundDims(profile, samples, { ...model.fixedDims, ...source.dims });
  const { dims } = bound;
  const selection = (): Selection => ({
    name,
    profile,
    work: model.work(dims),
    samples: samples !== undefined,
    ...asFarAsBinding(spec, platform),
    precision: spec.optimization?.precision,
    request: spec.hardware,
    workers: spec.serving?.workers,
    measurements,
  });
  // Without the sizes of a request nothing can be said of any machine.
  const hardware =
    bound.problems.length > 0
      ? requestProblems(spec.hardware, [platform])
      : selectHardware(selection(), platform, lockedPlace(lock, platform));
  const promisedMs = spec.monitoring?.slo?.p99Ms ?? spec.objective?.p99Ms;
  const monitoring: MonitoringRequest = {
    model: name,
    slo: { ...spec.monitoring?.slo, p99Ms: promisedMs },
    drift: spec.monitoring?.drift,
    scrapeSeconds,
  };
  const problems: Problem[] = [
    ...profileProblems(source, platform),
    ...fixedDimProblems(model.fixedDims, dims),
    ...servingProblems(profile),
    ...(samples ? checkSamples(profile, samples, labels, files.metric !== null) : []),
    ...bound.problems,
    ...monitoringProblems(monitoring).map((problem) => asAsked(problem, spec)),
    ...(Array.isArray(hardware) ? hardware : []),
    // This machine is taken whatever is promised.
    ...(Array.isArray(hardware) || platform.id === 'local'
      ? []
      : unreachableObjective(promisedMs, hardware.candidate).map((problem) => asAsked(problem, spec))),
  ];
  if (problems.length > 0 || Array.isArray(hardware)) {
    throw new ProblemsError(`Endpoint '${name}' cannot be planned`, problems);
  }

  const watched = planMonitoring(monitoring);
  const serving = servingAsPlanned(spec, platform, hardware);
  const recipe = planRecipe({
    name,
    profile,
    platform: platform.id,
    machines: [hardware.chosen, ...hardware.fallbacks],
    provider: hardware.runtime.provider,
    optimization: spec.optimization,
    dims,
    workers: serving.workers ?? null,
    samples: samples !== undefined,
  });
  const locked = settings.replay === false ? undefined : lock?.optimizations?.[targetOf(recipe.target)];
  const refused = locked ? lockProblems(lockPath(source), locked, recipe) : [];
  if (refused.length > 0) throw new ProblemsError(`Endpoint '${name}' cannot be planned`, refused);
  return {
    schemaVersion: 1,
    platform: platform.id,
    name,
    source,
    profile,
    dims,
    hardware,
    recipe: locked ? checked('recipe', { ...recipe, replay: replayOf(locked) }, lockPath(source)) : recipe,
    optimization: locked ? summaryOf(locked) : null,
    serving: planServing({
      ...{ name, serving, dims, files: optimizedFiles, provider: hardware.runtime.provider },
      drift: countedFor(spec.monitoring?.drift),
    }),
    monitoring: { ...watched, notes: [...watched.notes, ...doubtfulObjective(promisedMs, hardware.candidate)] },
    files,
  };
}
