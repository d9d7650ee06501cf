/** For load tests: callers that ask again as soon as they are answered, each on a connection of its own, at little cost of processor time. */

import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Asked {
  /** Of the endpoint, and of the model in it. */
  readonly url: string;
  readonly model: string;
  readonly count: number;
  /** Numbers in the request of a caller. */
  readonly width: (caller: number) => number;
  /**
   * Rows in a request.
   *
   * @default 1
   */
  readonly rows?: number;
  /**
   * A request comes in two halves with so many milliseconds between.
   *
   * @default 0
   */
  readonly haltMs?: number;
  /**
   * Between an answer and the next request, milliseconds.
   *
   * @default 0
   */
  readonly pauseMs?: number;
}

export interface Callers {
  answered(): number;
  stop(): Promise<void>;
}

function requestOf({ url, model, rows = 1, width }: Asked, caller: number): Buffer {
  const data = Array.from({ length: rows * width(caller) }, (_, i) => (i % 17) / 16);
  const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [rows, width(caller)], data }] });
  const head = [
    `POST /v2/models/${model}/infer HTTP/1.1`,
    `Host: ${new URL(url).host}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
  ];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}

/** Resolves once a whole answer is there; rejects when the connection ends before. */
function answer(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    let got = '';
    const over = (error?: Error): void => {
      socket.off('data', take).off('close', closed).off('error', over);
      if (error) reject(error);
      else resolve();
    };
    const closed = (): void => over(new Error('the endpoint closed the connection'));
    const take = (part: Buffer): void => {
      got += part.toString('latin1');
      const end = got.indexOf('\r\n\r\n');
      const length = end < 0 ? undefined : /content-length: (\d+)/i.exec(got.slice(0, end))?.[1];
      if (length !== undefined && got.length >= end + 4 + Number(length)) over();
    };
    socket.on('data', take).once('close', closed).once('error', over);
  });
}

/** Starts callers; they end with `stop`, or with the endpoint. */
export function startCallers(asked: Asked): Callers {
  const { url, count, haltMs = 0, pauseMs = 0 } = asked;
  let on = true;
  let answers = 0;
  const call = async (caller: number): Promise<void> => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1').setNoDelay();
    const request = requestOf(asked, caller);
    const half = Math.floor(request.length / 2);
    try {
      while (on) {
        const answering = answer(socket);
        answering.catch(() => undefined);
        if (haltMs > 0) {
          socket.write(request.subarray(0, half));
          await sleep(haltMs);
          socket.write(request.subarray(half));
        } else {
          socket.write(request);
        }
        await answering;
        answers += 1;
        if (pauseMs > 0) await sleep(pauseMs);
      }
    } finally {
      socket.destroy();
    }
  };
  const calls = Array.from({ length: count }, (_, caller) => call(caller).catch(() => undefined));
  return {
    answered: () => answers,
    async stop() {
      on = false;
      await Promise.all(calls);
    },
  };
}
