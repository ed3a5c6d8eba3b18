// The few calls the demo makes, as any HTTP client would.
import { readFile } from 'node:fs/promises';

export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

const firstFile = async (paths: string[]): Promise<string | undefined> => {
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text) return text.trim();
  }
  return undefined;
};

/** @param asKey another credential than the one that is found */
export async function connect(asKey?: string) {
  const base = process.env.MORTISE_URL ?? 'http://127.0.0.1:8080';
  const ready = await fetch(`${base}/readyz`).then(
    (answer) => answer.ok,
    () => false,
  );
  if (!ready)
    throw new Error(
      `No Mortise answers at ${base}: run "make start" in another terminal (or set MORTISE_URL)`,
    );
  // The cluster's key is tried first: it is there only while a cluster runs.
  const key =
    asKey ?? process.env.MORTISE_API_KEY ?? (await firstFile(['.cluster/admin-key', '.mortise/admin-key']));
  if (!key) throw new Error('No API key found: set MORTISE_API_KEY');
  const headers = { authorization: `Bearer ${key}` };

  const call = async (
    method: string,
    path: string,
    body?: unknown,
    extra: Record<string, string> = {},
  ): Promise<Answer> => {
    const json = body !== undefined && !(body instanceof FormData);
    const answer = await fetch(`${base}/api/v1${path}`, {
      method,
      headers: { ...headers, ...(json ? { 'content-type': 'application/json' } : {}), ...extra },
      ...(body === undefined ? {} : { body: json ? JSON.stringify(body) : body }),
    });
    const text = await answer.text();
    return { status: answer.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> };
  };

  return {
    base,
    call,
    get: (path: string) => call('GET', path),
    post: (path: string, body?: unknown, extra?: Record<string, string>) => call('POST', path, body, extra),
    upload: (archive: Uint8Array) => {
      const form = new FormData();
      form.append('file', new Blob([archive]), 'plugin.zip');
      return call('POST', '/plugins/upload', form);
    },
    /** Server-sent lines of a log, as they come, until `stop` is aborted. */
    async *tail(path: string, stop: AbortSignal): AsyncGenerator<{ message: string; level: string }> {
      const answer = await fetch(`${base}/api/v1${path}?follow=sse`, { headers, signal: stop });
      let text = '';
      for await (const chunk of answer.body as ReadableStream<Uint8Array>) {
        text += Buffer.from(chunk).toString();
        const messages = text.split('\n\n');
        text = messages.pop() ?? '';
        for (const message of messages) {
          const data = /^data: ?(.*)$/m.exec(message)?.[1];
          if (data) yield JSON.parse(data) as { message: string; level: string };
        }
      }
    },
  };
}
export type Api = Awaited<ReturnType<typeof connect>>;

/** Asks until the answer satisfies; at most 15 s. */
export async function eventually<T>(
  ask: () => Promise<T>,
  satisfies: (answer: T) => boolean,
  what: string,
): Promise<T> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const answer = await ask();
    if (satisfies(answer)) return answer;
    if (Date.now() > deadline)
      throw new Error(`${what} did not happen within 15 s; last seen: ${JSON.stringify(answer)}`);
    await new Promise((next) => setTimeout(next, 50));
  }
}
