import { performance } from 'node:perf_hooks';

export interface Answer {
  /** 0: no answer came. */
  status: number;
  body: Record<string, unknown>;
  error?: string;
  /** The whole of a refusal. */
  detail?: string;
  sentAt: number;
  answeredAt: number;
}

/** A caller gives up then: longer than any deadline of the platform, so what lasts as long was never answered. */
export const giveUpMs = 25_000;

/** Calls the API as one credential does; a broken connection is an answer too, of status 0. */
export class Api {
  readonly base: string;
  private readonly key: string;
  private readonly onSilence: (what: string) => Promise<void>;

  /** @param onSilence a request was not answered at all, and nobody broke its connection */
  constructor(base: string, key: string, onSilence: (what: string) => Promise<void> = async () => {}) {
    this.base = base;
    this.key = key;
    this.onSilence = onSilence;
  }

  /** For what is not read as text. */
  get credential(): Record<string, string> {
    return { authorization: `Bearer ${this.key}` };
  }

  as = (key: string): Api => new Api(this.base, key, this.onSilence);

  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const started = performance.now();
    const sentAt = Date.now();
    const took = () => sentAt + Math.round(performance.now() - started);
    try {
      const response = await fetch(`${this.base}/api/v1${path}`, {
        method,
        signal: AbortSignal.timeout(giveUpMs),
        headers: {
          ...this.credential,
          ...(body === undefined || body instanceof FormData ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: body instanceof FormData ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.includes('json') && text !== '';
      const parsed = (isJson ? JSON.parse(text) : { text }) as Record<string, unknown>;
      const code = response.ok
        ? undefined
        : typeof parsed.code === 'string'
          ? parsed.code
          : String(response.status);
      return {
        status: response.status,
        body: parsed,
        sentAt,
        answeredAt: took(),
        ...(code && { error: code, detail: text.slice(0, 600) }),
      };
    } catch (error) {
      const silent = error instanceof DOMException && error.name === 'TimeoutError';
      if (silent) await this.onSilence(`${method} ${path} ${JSON.stringify(body)?.slice(0, 200)}`);
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      const why = (cause as { code?: string }).code ?? String(cause);
      return { status: 0, body: {}, error: silent ? 'SILENCE' : why, sentAt, answeredAt: took() };
    }
  }

  post = (path: string, body?: unknown, headers?: Record<string, string>) =>
    this.call('POST', path, body, headers);
  get = (path: string) => this.call('GET', path);

  upload(archive: Buffer): Promise<Answer> {
    const form = new FormData();
    form.append('file', new Blob([new Uint8Array(archive)]), 'plugin.zip');
    return this.post('/plugins/upload', form);
  }

  /** Asks until the answer is good: for setting up and for the end, not while faults are judged. */
  async must(ask: () => Promise<Answer>, good: number[], withinMs = 30_000): Promise<Answer> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const answer = await ask();
      if (good.includes(answer.status)) return answer;
      if (performance.now() > deadline)
        throw new Error(`not ${good.join(' or ')} but ${answer.status}: ${JSON.stringify(answer.body)}`);
      await new Promise((next) => setTimeout(next, 100));
    }
  }
}
