/** An image that a registry of Azure builds, with the real engine. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { changes, makeProject, type Project } from './engine.js';

let project: Project;
beforeAll(async () => {
  project = await makeProject('registry-task', ['azure-native']);
});
afterAll(() => project?.remove());

const up = (environment = {}) => project.pulumi(['up', '--yes', '--skip-preview'], environment);
const held = (end: string) => Object.values(project.cloud('azure-native')).filter(({ type }) => type.endsWith(end));

describe.sequential('an image of a registry', () => {
  test('is not built by a preview', async () => {
    const { code, said } = await project.pulumi(['preview']);
    expect(code, said).toBe(0);
    expect(said).toContain('azure-native:containerregistry:TaskRun');
    expect(project.cloud('azure-native')).toEqual({});
  });

  test('is built from the stored context in one update, and named by its digest', async () => {
    const { code, said } = await up();
    expect(code, said).toBe(0);
    expect((await project.outputs()).image).toMatch(
      /^images[0-9a-f]{8}\.azurecr\.io\/digits:[0-9a-f]{12}@sha256:[0-9a-f]{64}$/,
    );
    expect(held(':TaskRun')).toHaveLength(1);
  });

  test('shows the signature of its address to nobody', async () => {
    const { said } = await project.pulumi(['stack', 'export']);
    expect(said).toContain('DockerBuildRequest');
    expect(said).not.toContain('sp=r&sig=');
    expect(said).not.toContain('sp=r\\u0026sig=');
  });

  test('is not built again without a change, although the signature is another one', async () => {
    const again = await up();
    expect(again.code, again.said).toBe(0);
    expect(changes(again)).toEqual([]);
    expect(again.calls.some(({ method }) => method === 'invoke')).toBe(true);
    const preview = await project.pulumi(['preview', '--expect-no-changes']);
    expect(preview.code, preview.said).toBe(0);
  });

  test('is built anew for another model; the old context goes', async () => {
    const { image } = await project.outputs();
    const ran = await up({ MODEL: 'digits-encoder' });
    expect(ran.code, ran.said).toBe(0);
    expect(changes(ran).sort()).toEqual(['create Blob', 'create TaskRun', 'delete Blob', 'delete TaskRun']);
    expect((await project.outputs()).image).not.toBe(image);
    expect(held(':Blob')).toHaveLength(1);
  });

  test('is destroyed, and nothing is left', async () => {
    const ran = await project.pulumi(['destroy', '--yes', '--skip-preview'], { MODEL: 'digits-encoder' });
    expect(ran.code, ran.said).toBe(0);
    expect(project.cloud('azure-native')).toEqual({});
  });
});
