import { describe, expect, test } from 'vitest';
import { cloud, Hardware, local, Model, planEndpoint } from '../../lib/index.js';

const model = Model.fromOnnx('examples/models/digits/digits.onnx');
const hardware = Hardware.of('ml.m5.large');
const planned = (slo: { p99Ms?: number }, platform = cloud('aws-sagemaker')) =>
  planEndpoint({ model, monitoring: { slo }, ...(platform.id !== 'local' && { hardware }) }, platform);
const { bandMs, p99Ms } = planned({}).hardware.candidate;

describe('an objective of latency', () => {
  test('below what half of the answers take is refused, with the estimate and what to do', () => {
    const asked = bandMs[0] / 2;
    expect(() => planned({ p99Ms: asked })).toThrow(
      new RegExp(
        `monitoring\\.slo\\.p99Ms: ${asked} ms is below what half of the answers take on ml\\.m5\\.large, .*; the estimate of p99 is .*\\. Give more, or ask for a faster machine with objective: \\{ p99Ms: ${asked} \\}`,
      ),
    );
  });

  test('that only the estimate does not meet is taken, and a note says so', () => {
    const asked = (bandMs[0] + p99Ms) / 2;
    const doubt = planned({ p99Ms: asked }).monitoring.notes.filter((note) => note.includes('below the estimate'));
    expect(doubt).toEqual([
      `latency: the objective of ${asked} ms is below the estimate of ${Number(p99Ms.toPrecision(2))} ms on ml.m5.large, so that its alerts may never be quiet`,
    ]);
  });

  test('that the estimate meets says nothing', () => {
    expect(planned({ p99Ms: 1000 }).monitoring.notes.filter((note) => note.includes('estimate'))).toEqual([]);
  });

  test('is taken on this machine, which there is no other for', () => {
    expect(planned({ p99Ms: 0.001 }, local()).monitoring.objectives).toHaveLength(2);
  });
});
