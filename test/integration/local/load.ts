/** For the test of the page: callers of an endpoint. */

import { setTimeout as sleep } from 'node:timers/promises';

export interface Sample {
  readonly inputs: readonly object[];
}

export interface Load {
  /** Requests answered so far. */
  sent(): number;
  stop(): Promise<void>;
}

/** A body that fits the model, made from what the endpoint says of itself. */
export async function sampleOf(url: string): Promise<Sample> {
  const answer = await fetch(`${url}/v2/models/digits`);
  const { inputs } = (await answer.json()) as { inputs: { name: string; datatype: string; shape: number[] }[] };
  return {
    inputs: inputs.map(({ name, datatype, shape }) => {
      const one = shape.map((size) => Math.max(1, size));
      const count = one.reduce((product, size) => product * size, 1);
      return { name, datatype, shape: one, data: Array.from({ length: count }, (_, i) => (i % 17) / 16) };
    }),
  };
}

/** Two callers at about 30 requests a second each, one bad request in forty; it ends with the tests. */
export function startLoad(url: string, sample: Sample): Load {
  let on = true;
  let sent = 0;
  const body = JSON.stringify(sample);
  const call = async (): Promise<void> => {
    for (let i = 0; on; i += 1) {
      const asked = await fetch(`${url}/v2/models/digits/infer`, {
        method: 'POST',
        body: i % 40 === 7 ? '{"inputs":[' : body,
      });
      await asked.arrayBuffer();
      sent += 1;
      await sleep(30);
    }
  };
  const callers = [call(), call()].map((caller) => caller.catch(() => undefined));
  return {
    sent: () => sent,
    stop: async () => {
      on = false;
      await Promise.all(callers);
    },
  };
}
