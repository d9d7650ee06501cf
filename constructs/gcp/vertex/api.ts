/**
 * Vertex AI's HTTP API for the dynamic resources beside this file: calls, operations that take minutes, and the caller's token.
 *
 * Pulumi keeps the text of these functions in the stack's state and runs it in another process. They use each other and what Node
 * has built in, nothing that is imported; no credential is in that text. Where there is no TypeScript, Pulumi reads them with its own 3.8,
 * which does not know `??=`.
 */

// biome-ignore lint/suspicious/noExplicitAny: JSON, as the API gives it.
export type Json = Readonly<Record<string, any>>;

/** The API, for one method of a resource. */
export interface VertexApi {
  /** Null where there is no such thing. */
  get(path: string): Promise<Json | null>;
  /** Null where there is no such thing. */
  patch(path: string, fields: readonly string[], body: Json): Promise<Json | null>;
  /** Starts an operation and waits for its end; what it was about, or null where there is no such thing. */
  run(method: 'POST' | 'DELETE', path: string, body?: Json): Promise<Json | null>;
  /**
   * Acts until `done` finds what is wanted. What an earlier run has begun on the resource is waited for first, so that a method may be
   * repeated after it was broken off.
   *
   * @param resource - whose operations are waited for
   */
  until<Found>(resource: string, done: () => Promise<Found | null>, act: () => Promise<unknown>): Promise<Found>;
}

/** An error of the API. */
interface Refused extends Error {
  /** What is there, or goes on, is in the way: another look may help. */
  readonly taken: boolean;
}

/** How often a call, or an act that is refused for what goes on, is tried. */
const tries = 6;

/** Kept short where a test is the API. */
function pause(turn: number, seconds?: number): Promise<void> {
  const base = Number(process.env.SLIPWAY_VERTEX_PAUSE_MS ?? 1000);
  const milliseconds =
    seconds === undefined ? base * Math.min(2 ** turn, 16) * (0.75 + Math.random() / 2) : 1000 * seconds;
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Names of the codes that an operation ends with, by number. */
const codes =
  'OK CANCELLED UNKNOWN INVALID_ARGUMENT DEADLINE_EXCEEDED NOT_FOUND ALREADY_EXISTS PERMISSION_DENIED RESOURCE_EXHAUSTED FAILED_PRECONDITION ABORTED OUT_OF_RANGE UNIMPLEMENTED INTERNAL UNAVAILABLE DATA_LOSS UNAUTHENTICATED'.split(
    ' ',
  );

/**
 * What an error of the API says, with every detail.
 *
 * @param status - of HTTP; null for what an operation ended with
 */
function told(doing: string, error: Json, status: number | null): Refused {
  const { message = 'no reason given', details = [] } = error;
  const kind: string = error.status ?? codes[error.code] ?? '';
  const more = details.length > 0 ? ` ${JSON.stringify(details)}` : '';
  const text = `Vertex AI, ${doing}: ${[status, kind].filter(Boolean).join(' ')}: ${message}${more}`;
  // A deployment whose container does not start ends with FAILED_PRECONDITION: nothing to try again.
  const passing = ['ALREADY_EXISTS', 'ABORTED', ...(status === null ? [] : ['FAILED_PRECONDITION'])];
  return Object.assign(new Error(text), { taken: status === 409 || passing.includes(kind) });
}

/** Of the variable, the machine's own account, or gcloud; read anew for each method and never kept. */
async function accessToken(): Promise<string> {
  const given = process.env.GOOGLE_OAUTH_ACCESS_TOKEN;
  if (given) return given;
  const host = process.env.GCE_METADATA_HOST ?? 'metadata.google.internal';
  try {
    const answer = await fetch(`http://${host}/computeMetadata/v1/instance/service-accounts/default/token`, {
      headers: { 'Metadata-Flavor': 'Google' },
      signal: AbortSignal.timeout(2000),
    });
    if (answer.ok) return ((await answer.json()) as { access_token: string }).access_token;
  } catch {
    // Not on a machine of Google's.
  }
  const { execFile } = process.getBuiltinModule('node:child_process');
  for (const login of [['application-default'], []]) {
    const printed = await new Promise<string>((resolve) => {
      execFile('gcloud', ['auth', ...login, 'print-access-token'], (error, out) => resolve(error ? '' : out.trim()));
    });
    if (printed) return printed;
  }
  throw new Error(
    'There are no credentials for Vertex AI. Set GOOGLE_OAUTH_ACCESS_TOKEN, as with $(gcloud auth print-access-token), or log in with gcloud',
  );
}

/**
 * The API for one method of a resource.
 *
 * @param resource - its name, or its parent's, which says the region
 * @param waitSeconds - how long the method may take
 */
export function vertexApi(resource: string, waitSeconds: number): VertexApi {
  const location = /\/locations\/([^/]+)/.exec(resource)?.[1];
  const base = process.env.SLIPWAY_VERTEX_API ?? `https://${location}-aiplatform.googleapis.com`;
  const deadline = Date.now() + 1000 * waitSeconds;
  let token: string | null = null;

  /** One call; what may pass is tried again. Null where there is no such thing. */
  const call = async (method: string, path: string, body?: Json): Promise<Json | null> => {
    const doing = `${method} ${path}`;
    for (let turn = 1; ; turn++) {
      const last = turn === tries || Date.now() > deadline;
      try {
        if (token === null) token = await accessToken();
        const answer = await fetch(`${base}/v1/${path}`, {
          method,
          headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
          signal: AbortSignal.timeout(60_000),
          ...(body && { body: JSON.stringify(body) }),
        });
        const text = await answer.text();
        if (answer.ok) return text ? JSON.parse(text) : {};
        if (answer.status === 404) return null;
        if (answer.status === 401) token = null;
        const passes =
          answer.status >= 500 || [408, 429].includes(answer.status) || (answer.status === 401 && turn === 1);
        if (last || !passes) {
          const error = text.startsWith('{') ? JSON.parse(text).error : { message: text.slice(0, 500) };
          throw told(doing, error ?? {}, answer.status);
        }
        const after = Number(answer.headers.get('retry-after') ?? Number.NaN);
        await pause(turn, Number.isFinite(after) ? Math.min(after, 60) : undefined);
      } catch (error) {
        // `fetch` tells broken connections so.
        const { name, cause, message } = error as Error & { cause?: { code?: string; message?: string } };
        if (!((name === 'TypeError' && cause) || name === 'TimeoutError')) throw error;
        if (last) throw new Error(`Vertex AI, ${doing}: ${cause?.code ?? cause?.message ?? message}`);
        await pause(turn);
      }
    }
  };

  /** Waits for the end of an operation. One of our own is cancelled when the time is over or the engine is interrupted. */
  const ended = async (begun: Json, doing: string, own: boolean): Promise<Json> => {
    let operation = begun;
    let interrupted: NodeJS.Signals | null = null;
    let wake = () => {};
    const interrupt = (signal: NodeJS.Signals) => {
      interrupted = signal;
      wake();
    };
    const stopped = () =>
      new Error(
        `Vertex AI, ${doing}: ${interrupted === null ? `it takes longer than ${waitSeconds} s` : 'interrupted'}${own ? ', and was cancelled' : ''}: ${begun.name}`,
      );
    const signals = ['SIGINT', 'SIGTERM'] as const;
    for (const signal of signals) process.once(signal, interrupt);
    let late = 0;
    try {
      for (let turn = 0; !operation.done; turn++) {
        if (interrupted !== null || Date.now() > deadline) {
          if (own && late === 0) await call('POST', `${begun.name}:cancel`, {}).catch(() => null);
          // It may have ended meanwhile, or end soon now.
          if (!own || interrupted !== null || ++late > tries) throw stopped();
        }
        await Promise.race([pause(turn), new Promise<void>((resolve) => (wake = resolve))]);
        operation = (await call('GET', begun.name)) ?? { done: true };
      }
    } finally {
      for (const signal of signals) process.off(signal, interrupt);
      // Other operations of this process are cancelled meanwhile; then it ends as it would have.
      if (interrupted !== null)
        setTimeout(() => process.kill(process.pid, interrupted as NodeJS.Signals), 1000).unref();
    }
    if (operation.error && own) throw late > 0 ? stopped() : told(doing, operation.error, null);
    return operation.response ?? {};
  };

  const running = async (of: string): Promise<Json[]> => {
    const found: Json[] = [];
    let next = '';
    do {
      const page = await call('GET', `${of}/operations?pageSize=100${next && `&pageToken=${next}`}`).catch(() => null);
      found.push(...(page?.operations ?? []));
      next = page?.nextPageToken ?? '';
    } while (next);
    return found.filter(({ done }) => !done);
  };

  return {
    get: (path) => call('GET', path),
    patch: (path, fields, body) => call('PATCH', `${path}?updateMask=${fields.join(',')}`, body),
    run: async (method, path, body) => {
      const operation = await call(method, path, body);
      return operation && ended(operation, `${method} ${path}`, true);
    },
    until: async (of, done, act) => {
      for (let turn = 1; ; turn++) {
        for (const operation of await running(of)) await ended(operation, operation.name, false);
        const before = await done();
        if (before !== null) return before;
        try {
          await act();
          const after = await done();
          if (after !== null) return after;
          if (turn === tries) throw new Error(`Vertex AI: ${of} does not become what was asked for`);
        } catch (error) {
          if (!(error as Partial<Refused>).taken || turn === tries) throw error;
        }
        await pause(turn);
      }
    },
  };
}
