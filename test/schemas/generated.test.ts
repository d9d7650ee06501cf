/** Whatever is right by a published schema passes, and whatever single mistake is made in it is told, alone and with its place. */

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { azureProblems, azureTypes } from './azure.cjs';
import { azureInputs, azureMistakes } from './azure-values.js';
import { messageOf, messageProblems } from './google.cjs';
import { messageMistakes, messages } from './google-values.js';

const types = Object.keys(azureTypes).map((type) => `azure-native:${type}`);

test.each(types)('%s: what is right is right', (type) => {
  fc.assert(
    fc.property(azureInputs(type), (inputs) => {
      expect(azureProblems(type, inputs)).toEqual([]);
    }),
    { numRuns: 30 },
  );
});

test.each(types)('%s: a single mistake is told alone, with its place', (type) => {
  fc.assert(
    fc.property(azureInputs(type), fc.nat(), (inputs, which) => {
      const mistakes = azureMistakes(type, inputs);
      const { wrong, problem } = mistakes[which % mistakes.length]!;
      expect(azureProblems(type, wrong as Record<string, unknown>)).toEqual([problem]);
    }),
    { numRuns: 100 },
  );
});

const published = [
  ['google.cloud.run.v2.Service', '@google-cloud/run'],
  ['google.cloud.aiplatform.v1.Endpoint', '@google-cloud/aiplatform'],
  ['google.monitoring.v3.AlertPolicy', '@google-cloud/monitoring'],
  ['google.monitoring.dashboard.v1.Dashboard', '@google-cloud/monitoring-dashboards'],
].map(([name, pack]) => [name!, messageOf(name!, pack!)] as const);

test.each(published)('%s: what is right is right', (_, type) => {
  fc.assert(
    fc.property(messages(type), (message) => {
      expect(messageProblems(type, message, '')).toEqual([]);
    }),
    { numRuns: 30 },
  );
});

test.each(published)('%s: a single mistake is told alone, with its place', (_, type) => {
  fc.assert(
    fc.property(messages(type), fc.nat(), (message, which) => {
      const mistakes = messageMistakes(type, message);
      const { wrong, problem } = mistakes[which % mistakes.length]!;
      expect(messageProblems(type, wrong as Record<string, unknown>, '')).toEqual([problem]);
    }),
    { numRuns: 100 },
  );
});
