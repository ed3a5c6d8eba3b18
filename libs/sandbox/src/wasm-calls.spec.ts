import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WasmGround } from '../test/wasm-ground.js';
import { done, go, wat } from '../test/wat.js';
import type { Invocation, LogEntry } from './types.js';

const ground = new WasmGround();
beforeAll(() => ground.sandbox.start());
afterAll(() => ground.sandbox.close());

/** A module with texts in its memory: `$text` makes a block of the n-th, `body` leaves the block that is the answer. */
const asking = (texts: string[], body: string, more = '') => {
  let at = 0;
  const places = texts.map((text) => ({ at: (at += 200) - 200, bytes: Buffer.byteLength(text), text }));
  const data = places.map((place) => `(data (i32.const ${place.at}) ${JSON.stringify(place.text)})`);
  const text = (no: number) =>
    `(call $to_host (i32.const ${places[no]?.at}) (i32.const ${places[no]?.bytes}))`;
  return wat(
    `(memory 1 1) ${data.join(' ')} ${more}
     (func $to_host (param $at i32) (param $length i32) (result i64) (local $block i64) (local $i i32)
       (local.set $block (call $alloc (i64.extend_i32_u (local.get $length))))
       (loop $next
         (call $store_u8 (i64.add (local.get $block) (i64.extend_i32_u (local.get $i)))
           (i32.load8_u (i32.add (local.get $at) (local.get $i))))
         (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $length))))
       (local.get $block))
     ${go(
       `${body.replace(/TEXT(\d)/g, (_whole, no: string) => text(Number(no)))} (local.set $block)
        (call $output_set (local.get $block) (call $length (local.get $block))) ${done}`,
       '(local $block i64)',
     )}`,
    [
      'alloc',
      'store_u8',
      'length',
      'output_set',
      'mortise_call',
      'mortise_context',
      'http_request',
      'log_info',
    ],
  );
};

describe('calls to the host', () => {
  it('are made once each, however often the module is run for them', async () => {
    const module = await asking(
      ['storage.get', '{"key":"a"}', 'storage.set', '{"key":"a","value":1}', 'between'],
      `(drop (call $mortise_call TEXT0 TEXT1)) (call $log_info TEXT4)
       (drop (call $mortise_call TEXT2 TEXT3)) (call $mortise_call TEXT0 TEXT1)`,
    );
    const calls: string[] = [];
    const logs: LogEntry[] = [];

    const result = await ground.run(module, {
      logs,
      host: (op, args) => {
        calls.push(`${op} ${args}`);
        return Promise.resolve(String(calls.length));
      },
    });

    expect(result).toMatchObject({
      status: 'succeeded',
      result: '{"ok":true,"value":3}',
      usage: { hostCalls: 3 },
    });
    expect(calls).toEqual([
      'storage.get {"key":"a"}',
      'storage.set {"key":"a","value":1}',
      'storage.get {"key":"a"}',
    ]);
    expect(logs).toHaveLength(1);
  });

  it('tell the module of a refusal, which it may go on from', async () => {
    const module = await asking(['secrets.get', '{}'], '(call $mortise_call TEXT0 TEXT1)');
    const refused = { guest: { code: 'PERMISSION_DENIED', message: 'No' } };

    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- how a host refuses
    const result = await ground.run(module, { host: () => Promise.reject(refused) });

    expect(JSON.parse(result.result ?? '')).toEqual({ ok: false, error: refused.guest });
  });

  it('show the module who it runs for', async () => {
    const module = await asking(['x'], '(call $mortise_context)');

    const { result } = await ground.run(module, { config: { top: 1 } });

    expect(JSON.parse(result ?? '')).toEqual({ tenantId: 'acme', config: { top: 1 } });
  });

  it('do not mix two runs of one module', async () => {
    const module = await asking(['storage.get', '{}'], '(call $mortise_call TEXT0 TEXT1)');
    const answers = [Promise.withResolvers<string>(), Promise.withResolvers<string>()] as const;

    const first = ground.run(module, { host: () => answers[0].promise });
    const second = ground.run(module, { host: () => answers[1].promise });
    answers[1].resolve('2');
    const seconds = (await second).result;
    answers[0].resolve('1');

    expect([(await first).result, seconds]).toEqual(['{"ok":true,"value":1}', '{"ok":true,"value":2}']);
  });

  it('keep their limit, and their time', async () => {
    const module = await asking(
      ['storage.get', '{}'],
      '(loop (drop (call $mortise_call TEXT0 TEXT1)) (br 0)) (i64.const 0)',
    );

    const counted = await ground.run(module, { limits: { hostCalls: 3 }, timeoutMs: 1_000 });
    const silent = await ground.run(module, { timeoutMs: 300, host: () => new Promise(() => {}) });

    expect(counted.limitsHit).toMatchObject([{ limit: 'hostCalls', value: 3 }]);
    expect(silent.status).toBe('timed_out');
  });

  it('are refused while the module starts', async () => {
    const module = await asking(
      ['storage.get', '{}'],
      '(call $alloc (i64.const 1))',
      '(func $s (drop (call $mortise_call (i64.const 0) (i64.const 0)))) (start $s)',
    );

    expect(await ground.inspect(module)).toMatchObject({ ok: false, error: { code: 'HOST_CALL_REFUSED' } });
  });
});

describe('requests of the PDKs', () => {
  const request = '{"url":"https://example.com/a","method":"POST","headers":{"x-a":"1"}}';
  const http = (whole: boolean, seen: string[] = []): Invocation['host'] => {
    const pieces = [
      { text: '{"a":', done: false },
      { base64: Buffer.from('"é"}').toString('base64'), done: true },
    ];
    return (op, args) => {
      seen.push(`${op} ${args}`);
      const body = whole ? { text: '{"a":"é"}', done: true } : pieces.shift();
      const answer = { status: 201, headers: [['x-b', '2']], body };
      return Promise.resolve(JSON.stringify(op === 'http.request' ? answer : body));
    };
  };

  it.each([
    ['whole', true],
    ['in pieces', false],
  ])('get their answer %s, as if the module had waited for it', async (_how, whole) => {
    const module = await asking([request, 'ping'], '(call $http_request TEXT0 TEXT1)');
    const seen: string[] = [];

    expect(await ground.run(module, { host: http(whole, seen) })).toMatchObject({
      status: 'succeeded',
      result: '{"a":"é"}',
    });
    expect(JSON.parse(seen[0]?.slice('http.request '.length) ?? '')).toEqual({
      id: 1,
      url: 'https://example.com/a',
      method: 'POST',
      headers: [['x-a', '1']],
      body: { text: 'ping' },
    });
    expect(seen).toHaveLength(whole ? 1 : 2);
  });

  it('may leave out their method and headers, as the Rust PDK does', async () => {
    const module = await asking(
      ['{"url":"https://example.com","headers":null,"method":null}'],
      '(call $http_request TEXT0 (i64.const 0))',
    );
    const seen: string[] = [];

    expect(await ground.run(module, { host: http(true, seen) })).toMatchObject({ status: 'succeeded' });
    expect(JSON.parse(seen[0]?.slice('http.request '.length) ?? '')).toEqual({
      id: 1,
      url: 'https://example.com',
      method: 'GET',
      headers: [],
    });
  });

  it('that the host refuses end the run with the reason', async () => {
    const module = await asking([request], '(call $http_request TEXT0 (i64.const 0))');
    const refused = {
      guest: { code: 'NETWORK_REFUSED', message: 'Not there', details: { host: 'example.com' } },
    };

    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- how a host refuses
    expect(await ground.run(module, { host: () => Promise.reject(refused) })).toMatchObject({
      status: 'failed',
      error: refused.guest,
    });
  });
});
