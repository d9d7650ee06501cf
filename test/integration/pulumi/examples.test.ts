/** The example programs as a user has them, by the real engine: shown, made, made again without a change, destroyed. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageFile } from '../../../lib/package-root.js';
import { changes, makeProject } from './engine.js';

const clouds = { azure: 'azure-native', gcp: 'gcp' } as const;
const examples = (['azure', 'gcp'] as const).flatMap((folder) =>
  readdirSync(packageFile('examples', folder)).map((file) => ({
    program: `${folder}/${file.replace(/\.ts$/, '')}`,
    cloud: clouds[folder],
  })),
);

test('there is an example of each cloud', () => {
  expect(new Set(examples.map(({ cloud }) => cloud)).size).toBe(2);
});

test.each(examples)('$program', async ({ program, cloud }) => {
  const project = await makeProject(program, [cloud, 'docker-build']);
  const environment = { NODE_OPTIONS: `--require=${join(__dirname, 'shims', 'registry-tokens.cjs')}` };
  try {
    const preview = await project.pulumi(['preview'], environment);
    expect(preview.code, preview.said).toBe(0);
    expect(changes(preview)).toEqual([]);
    const up = await project.pulumi(['up', '--yes', '--skip-preview'], environment);
    expect(up.code, up.said).toBe(0);
    const { url, request, monthlyUsd } = (await project.outputs()) as Record<string, unknown>;
    expect(request).toContain(url);
    expect(monthlyUsd === null || (monthlyUsd as number) > 0).toBe(true);
    const again = await project.pulumi(['preview', '--expect-no-changes'], environment);
    expect(again.code, again.said).toBe(0);
    const destroyed = await project.pulumi(['destroy', '--yes', '--skip-preview'], environment);
    expect(destroyed.code, destroyed.said).toBe(0);
    expect(project.cloud(cloud)).toEqual({});
  } finally {
    project.remove();
  }
});
