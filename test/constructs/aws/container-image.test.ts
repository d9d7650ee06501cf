import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Stack, Stage } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { ContainerImage, Hardware, ModelEndpoint } from '../../../constructs/aws/index.js';
import { digits, newApp, stackIn } from './stack.js';

type Assets = { dockerImages: Record<string, { source: Record<string, unknown>; destinations: object }> };

/** The image assets of a synthesized stack. */
function imagesOf(stack: Stack, hardware = Hardware.of('ml.c6i.large'), image = ContainerImage.fromPlan()) {
  new ModelEndpoint(stack, 'Digits', { model: digits, hardware, image });
  const app = stack.node.root as ReturnType<typeof newApp>;
  const assembly = app.synth();
  const at = Stage.of(stack)!.outdir;
  const { dockerImages } = JSON.parse(readFileSync(join(at, `${stack.artifactId}.assets.json`), 'utf8')) as Assets;
  return { images: Object.entries(dockerImages), at, assembly };
}

describe('an image built by the deployment', () => {
  test('is laid out in the assembly, for the processor of the machine, as a Docker manifest', () => {
    const { images, at } = imagesOf(stackIn());
    expect(images).toHaveLength(1);
    const [hash, { source }] = images[0]!;
    expect(source).toMatchObject({
      platform: 'linux/amd64',
      dockerOutputs: ['type=docker'],
      directory: `asset.${hash}`,
    });
    expect(readdirSync(join(at, `asset.${hash}`))).toContain('Dockerfile');
    expect(readdirSync(at).filter((name) => /^asset\..*\.\d+$/.test(name))).toEqual([]);
  });

  test('is another one for Graviton', () => {
    const [[one], [other, { source }]] = [
      imagesOf(stackIn()).images[0]!,
      imagesOf(stackIn(), Hardware.of('ml.c7g.large')).images[0]!,
    ];
    expect(source.platform).toBe('linux/arm64');
    expect(other).not.toBe(one);
  });

  test('is found from a stage of its own', () => {
    const stage = new Stage(newApp(), 'Prod', { env: { account: '123456789012', region: 'eu-west-1' } });
    const { images, at } = imagesOf(new Stack(stage, 'Shop'));
    expect(readdirSync(join(at, images[0]![1].source.directory as string))).toContain('Dockerfile');
  });

  test('is told where secrets of the build lie, which change no hash', () => {
    const secret = imagesOf(stackIn(), undefined, ContainerImage.fromPlan({ buildSecrets: { pip: 'src=a/pip.conf' } }));
    const other = imagesOf(stackIn(), undefined, ContainerImage.fromPlan({ buildSecrets: { pip: 'env=PIP_CONF' } }));
    expect(secret.images[0]![1].source.dockerBuildSecrets).toEqual({ pip: 'src=a/pip.conf' });
    expect(secret.images[0]![0]).toBe(other.images[0]![0]);
  });
});

test('an image built by CodeBuild needs no builder here', () => {
  const stack = stackIn();
  const { images } = imagesOf(stack, undefined, ContainerImage.fromCodeBuild());
  expect(images).toEqual([]);
  const template = Template.fromStack(stack);
  template.resourceCountIs('AWS::CodeBuild::Project', 1);
  expect(JSON.stringify(template.toJSON())).toContain('--platform linux/amd64');
  const [model] = Object.values(template.findResources('AWS::SageMaker::Model'));
  expect(JSON.stringify(model!.Properties.PrimaryContainer.Image)).toMatch(/ImageTag|Repository/);
});
