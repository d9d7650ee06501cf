/** Step 2 of the road: the questions that a deployment turns on, answered for each platform: size, data, performance, cost. */

import { inBytes } from '../../byte-size.js';
import { amount, kernelCount } from '../../model/work.js';
import type { PlatformId } from '../../platforms.js';
import type { Rejection } from '../candidate.js';
import { payloadOf, requestOf } from '../payload.js';
import { factsOf, type Platform } from '../platform.js';
import type { Ranked, Ranking, Selection } from '../rank.js';
import { alike } from './explain.js';
import { bounds, counted, inGib, inMs, inUsd } from './figures.js';

/** One platform's answers, a sentence each. */
export interface PlatformAnswer {
  readonly platform: PlatformId;
  readonly region: string | null;
  /** How large and how complex the model is, against what its best machine holds. */
  readonly size: string;
  /** What requests carry, against what the platform takes. */
  readonly data: string;
  /** How long a request takes, and what bounds it. */
  readonly performance: string;
  /** What it costs, and what keeping it up takes. */
  readonly cost: string;
}

const count = (value: number): string =>
  value >= 1e9
    ? `${(value / 1e9).toFixed(1)} billion`
    : value >= 1e6
      ? `${(value / 1e6).toFixed(1)} million`
      : value.toLocaleString('en');

const limit = (value: number | null): string => (value === null ? 'no limit known' : `at most ${inBytes(value)}`);

const operations = (gflop: number): string =>
  gflop >= 1000 ? `${(gflop / 1000).toPrecision(3)} TFLOP` : `${Number(gflop.toPrecision(2))} GFLOP`;

function sizeOf({ profile, work }: Selection, best: Ranked | undefined): string {
  const weights =
    profile.parameters > 0
      ? `${count(profile.parameters)} parameters, ${inBytes(profile.weightBytes)}`
      : `a file of ${inBytes(profile.fileBytes)}`;
  const model = `${weights}, ${operations(amount(work.flops, 1) / 1e9)} a row in ${counted(kernelCount(work), 'kernel')}`;
  if (best === undefined) return `${model}.`;
  const { memoryGiB, memoryAvailableGiB, machine } = best.candidate;
  return `${model}; takes ${inGib(memoryGiB)} of ${inGib(memoryAvailableGiB)} on ${machine}.`;
}

function dataOf({ work, objective }: Selection, platform: Platform): string {
  const { maxRequestBytes, maxResponseBytes, bandwidthBytesPerSecond } = factsOf(platform);
  const rate = objective?.requestsPerSecond ?? 1;
  const { rows, encoding } = requestOf(work, objective);
  const { requestBytes, responseBytes } = payloadOf(work, rows, encoding);
  const kind = encoding === 'json' ? 'of JSON' : 'of binary tensors';
  const flow = inBytes(Math.max(requestBytes, responseBytes) * rate);
  return [
    `A request has ${inBytes(requestBytes)} ${kind} (${limit(maxRequestBytes)})`,
    `an answer ${inBytes(responseBytes)} (${limit(maxResponseBytes)})`,
    `up to ${flow}/s one way (${bandwidthBytesPerSecond === null ? 'no limit known' : `at most ${inBytes(bandwidthBytesPerSecond)}/s`})${platform.region === null ? '' : `; region ${platform.region}`}.`,
  ].join(', ');
}

function performanceOf(selection: Selection, best: Ranked): string {
  const { p50Ms, p99Ms, bandMs, throughputPerSecond } = best.candidate;
  const { p99Ms: asked, requestsPerSecond = 1 } = selection.objective ?? {};
  const objective = asked === undefined ? '' : ` of ${inMs(asked)} asked for`;
  const band = `${inMs(bandMs[0])} to ${inMs(bandMs[1])}`;
  return `p50 ${inMs(p50Ms)} (${band}), p99 ${inMs(p99Ms)}${objective}; carries ${(throughputPerSecond / requestsPerSecond).toFixed(1)} times the rate; bound by ${bounds[best.boundBy]}.`;
}

function costOf(platform: Platform, best: Ranked | undefined): string {
  const { scaleToZero, scaleToZeroHow, updateStrategy, quota, reservedShare, withoutReserve } = factsOf(platform);
  const {
    monthlyUsd = null,
    usdPerMillion = null,
    priceDate = null,
    machine = '',
    replicas = 0,
  } = best?.candidate ?? {};
  const price =
    monthlyUsd === null || usdPerMillion === null
      ? []
      : [
          `${replicas} x ${machine}: ${inUsd(monthlyUsd)} a month, ${inUsd(usdPerMillion)} a million requests (price of ${priceDate})`,
        ];
  const reserve =
    best !== undefined && reservedShare > 0 && !withoutReserve.includes(machine)
      ? ` (${Math.ceil(best.type.processors * replicas * (1 + reservedShare))} cores here)`
      : '';
  // The platform's own note is about accelerators.
  const asked = best !== undefined && best.candidate.accelerator === null ? best.quota : quota;
  return `${[
    ...price,
    `scale to zero: ${scaleToZero ? 'yes' : 'no'}, ${scaleToZeroHow}`,
    `updates: ${updateStrategy}`,
    ...(asked === null ? [] : [`quota: ${asked}${reserve}`]),
  ].join('; ')}.`;
}

/** What the nearest machine of a platform misses by; where none comes that far, the reason that most of them share. */
function reasonOf({ id, region }: Platform, { missed, rejected }: Ranking): string {
  const here = (each: Rejection): boolean => each.platform === id && each.region === region;
  const nearest = missed.find(here);
  if (nearest) return `${nearest.machine} comes nearest: ${nearest.reason}`;
  const [common] = alike(rejected.filter(here)).sort((one, other) => other.length - one.length);
  return common?.[0]?.reason ?? 'it offers none';
}

/** The answers of every platform asked for, each for its best machine. */
export function platformAnswers(
  selection: Selection,
  platforms: readonly Platform[],
  ranking: Ranking,
): PlatformAnswer[] {
  return platforms.map((platform) => {
    const best = ranking.ranked.find(
      ({ candidate }) => candidate.platform === platform.id && candidate.region === platform.region,
    );
    return {
      platform: platform.id,
      region: platform.region,
      size: sizeOf(selection, best),
      data: dataOf(selection, platform),
      performance: best
        ? performanceOf(selection, best)
        : `No machine comes into question: ${reasonOf(platform, ranking)}.`,
      cost: costOf(platform, best),
    };
  });
}
