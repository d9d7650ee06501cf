/** TensorBoard over a folder of event files, until Ctrl-C. */

import { SlipwayError } from '../../lib/errors.js';
import { startTensorBoard } from '../../lib/report/tensorboard.js';
import { aborted, print, say, showSteps } from '../terminal.js';

/** Prints its address and resolves with the exit code once the signal comes. Throws a SlipwayError when it ends by itself. */
export async function tensorBoardUntilStopped(
  request: Parameters<typeof startTensorBoard>[0] & { readonly signal: AbortSignal },
): Promise<number> {
  const running = await showSteps('Starting TensorBoard', () => startTensorBoard(request));
  try {
    print(running.url);
    say('Ctrl-C stops it.');
    const code = await Promise.race([running.ended, aborted(request.signal)]);
    if (code !== undefined) throw new SlipwayError(`TensorBoard ended by itself, with code ${code}.`);
    return 0;
  } finally {
    await running.stop();
  }
}
