/** Runs the example model on this machine from code, asks it once, and stops it. `npx slipway up` does the same from the shell. */

import { local, Model, planEndpoint, runLocally } from 'slipway';

const folder = 'examples/models/digits';

async function main(): Promise<void> {
  const plan = planEndpoint(
    {
      model: Model.fromOnnx(`${folder}/digits.onnx`, {
        calibration: `${folder}/samples.npz`,
        labels: `${folder}/labels.npy`,
      }),
      objective: { p99Ms: 50 },
      monitoring: { slo: { availability: 99.5 } },
    },
    local(),
  );

  const endpoint = await runLocally(plan, { port: 0, monitoring: false });
  try {
    console.log(endpoint.report.verdict);
    const response = await fetch(endpoint.infer, { method: 'POST', body: JSON.stringify(endpoint.sample.body) });
    const { outputs } = (await response.json()) as { outputs: { data: number[] }[] };
    const logits = outputs[0]!.data;
    console.log(`The first sample is a ${logits.indexOf(Math.max(...logits))}.`);
  } finally {
    await endpoint.stop();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
