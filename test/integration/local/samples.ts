/** Rows of samples, for tests that send them. */

import { execFileSync } from 'node:child_process';
import { pythonEnvironment } from '../../../lib/local/python.js';

const read =
  'import json, sys, numpy as np; x = np.load(sys.argv[1])[sys.argv[2]]; print(json.dumps(x.reshape(len(x), -1).tolist()))';

/** Every row of an array of an .npz file, flat. */
export async function rowsOf(file: string, array: string): Promise<readonly number[][]> {
  const { python } = await pythonEnvironment('optimizer');
  return JSON.parse(execFileSync(python, ['-c', read, file, array], { encoding: 'utf8', maxBuffer: 2 ** 26 }));
}
