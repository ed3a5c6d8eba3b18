import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Ground } from '../../test/ground.js';

let ground: Ground;
beforeAll(async () => void (ground = await Ground.start()));
afterAll(() => ground.sandbox.close());

/** What an expression comes to in a plugin; `input` is there under that name. */
async function inPlugin(expression: string, input?: unknown): Promise<unknown> {
  const code = `export const go = async (input, ctx) => (${expression});`;
  const { status, result, error } = await ground.go({ code, input });
  if (status !== 'succeeded') throw new Error(`${status}: ${error?.message}\n${error?.stack}`);
  return JSON.parse(String(result));
}

describe('what plugin code finds', () => {
  it.each([
    ...[
      'AbortController',
      'AbortSignal',
      'Blob',
      'ByteLengthQueuingStrategy',
      'CountQueuingStrategy',
      'Crypto',
    ],
    ...['CryptoKey', 'CustomEvent', 'DOMException', 'Event', 'EventTarget', 'File', 'FormData', 'Headers'],
    ...['Performance', 'ReadableStream', 'Request', 'Response', 'SubtleCrypto', 'TextDecoder'],
    ...['TextDecoderStream', 'TextEncoder', 'TextEncoderStream', 'TransformStream', 'URL', 'URLSearchParams'],
    ...['WritableStream', 'atob', 'btoa', 'clearInterval', 'clearTimeout', 'fetch', 'queueMicrotask'],
    ...['setInterval', 'setTimeout', 'structuredClone'],
  ])('has %s under its own name', async (name) => {
    expect(await inPlugin(`[typeof ${name}, ${name}.name]`)).toEqual(['function', name]);
  });

  it.each(['SharedArrayBuffer', 'Atomics', 'WebAssembly', 'WeakRef', 'process', 'require', 'Buffer'])(
    'has no %s',
    async (name) => {
      expect(await inPlugin(`typeof ${name}`)).toBe('undefined');
    },
  );

  it('lets a library put its own in the place of a global', async () => {
    expect(await inPlugin('(() => { globalThis.URL = class Mine {}; return URL.name; })()')).toBe('Mine');
  });
});

describe('the clock', () => {
  it('stands still while code runs, in all its forms', async () => {
    const seen = (await inPlugin(`(() => {
      const read = () => [Date.now(), +new Date(), performance.now(),
        new Intl.DateTimeFormat('en', { fractionalSecondDigits: 3 }).format()];
      const first = read();
      for (let at = 0; at < 2e7; at++);
      return [first, read()];
    })()`)) as [unknown[], unknown[]];

    expect(seen[1]).toEqual(seen[0]);
    expect(Math.abs(Date.now() - Number(seen[0][0]))).toBeLessThan(5_000);
  });

  it('goes on from one entry to the next', async () => {
    const text =
      '(async () => { const a = Date.now(); await new Promise((r) => setTimeout(r, 30)); return Date.now() - a; })()';
    expect(await inPlugin(text)).toBeGreaterThanOrEqual(25);
  });

  it('leaves dates as they are: calls, parts, texts, classes', async () => {
    expect(
      await inPlugin(`[typeof Date(), new Date(0).toISOString(), new Date(2020, 1).getMonth(), Date.UTC(2020, 0),
        new Date() instanceof Date, new (class extends Date { x() { return 1; } })(5).x(), Date.length, Date.name,
        new Date().constructor === Date, Object.prototype.toString.call(new Date())]`),
    ).toEqual([
      'string',
      '1970-01-01T00:00:00.000Z',
      1,
      1577836800000,
      true,
      1,
      7,
      'Date',
      true,
      '[object Date]',
    ]);
  });
});

describe('what the runtime asks of its process', () => {
  it('ends with the execution that asks without end', async () => {
    // A worker of its own: what the questions leave for the collector may take one that is almost full over its cap.
    const fresh = await Ground.start();
    const started = Date.now();
    const result = await fresh.go({
      code: 'export const go = () => { for (;;) { try { atob("YQ=="); } catch {} } };',
      timeoutMs: 300,
    });
    const tookMs = Date.now() - started;
    await fresh.sandbox.close();

    expect(result.status).toBe('timed_out');
    expect(tookMs).toBeLessThan(300 + 250 + 150);
    // Its own share is next to nothing, and a busy machine gives it a part of the time only.
    expect(result.usage.cpuMs).toBeGreaterThan(20);
  });

  it('shows no object of the process when it fails, whatever stack is left', async () => {
    const text = `(() => {
      const seen = [];
      const look = (thrown) => seen.push(thrown instanceof Error && thrown.constructor.constructor === Function);
      const dive = () => { try { dive(); } catch (e) { look(e); } try { new URL('x:y'); } catch (e) { look(e); } };
      URL; dive();
      return seen.every(Boolean) && seen.length;
    })()`;
    expect(await inPlugin(text)).toBeGreaterThan(0);
  });
});
