// `make demo`: a tour of the platform over HTTP. Every step checks what it shows; any surprise ends it with code 1.
import { randomBytes } from 'node:crypto';
import { connect, eventually, type Api } from './api.ts';
import { activate, deploy, packed, packedSource, type Deployed } from './deploy.ts';
import { check, fact, quote, step } from './print.ts';

interface LogLine {
  message: string;
  level: string;
}
const logsOf = async (api: Api, execution: string) =>
  ((await api.get(`/executions/${execution}/logs`)).body.data ?? []) as LogLine[];
const ended = (api: Api, execution: string) =>
  eventually(
    () => api.get(`/executions/${execution}`),
    ({ status, body }) => status === 200 && !['queued', 'running'].includes(String(body.status)),
    `the end of ${execution}`,
  );

async function callable(api: Api): Promise<Deployed> {
  step('A function to call, with config and a secret');
  const greeter = await deploy(api, await packed('plugins/greeter'), { greeting: 'Good morning' });
  const secret = await api.call('PUT', `/installations/${greeter.id}/secrets/SIGNATURE_KEY`, {
    value: randomBytes(16).toString('hex'),
  });
  check('secret stored; its value is never shown again', secret.status === 204, secret.body);
  await activate(api, greeter);
  const started = performance.now();
  const sync = await api.post(`/installations/${greeter.id}/execute`, {
    function: 'greet',
    input: { name: 'Ada' },
  });
  check(
    `called: ${JSON.stringify(sync.body.result)} in ${(performance.now() - started).toFixed(1)} ms`,
    sync.status === 200,
    sync.body,
  );
  const wrong = await api.post(`/installations/${greeter.id}/execute`, {
    function: 'greet',
    input: { name: 7 },
  });
  check(
    `wrong input refused: ${wrong.status} ${String(wrong.body.code)} at ${String((wrong.body.errors as { pointer: string }[] | undefined)?.[0]?.pointer)}`,
    wrong.status === 422,
    wrong.body,
  );
  const queued = await api.post(
    `/installations/${greeter.id}/execute`,
    { function: 'greet', input: { name: 'Grace' } },
    { prefer: 'respond-async' },
  );
  check(`queued: 202, execution ${String(queued.body.executionId)}`, queued.status === 202, queued.body);
  const record = await ended(api, String(queued.body.executionId));
  check(
    `ended: ${String(record.body.status)}, ${JSON.stringify(record.body.result)}`,
    record.body.status === 'succeeded',
    record.body,
  );
  return greeter;
}

async function hooks(api: Api): Promise<void> {
  step('An event, and the hook that hears it');
  const welcome = await deploy(api, await packed('plugins/welcome'));
  await activate(api, welcome);
  const user = `user-${randomBytes(3).toString('hex')}`;
  const stop = new AbortController();
  const tail = (async () => {
    for await (const line of api.tail(`/installations/${welcome.id}/logs`, stop.signal))
      if (line.message.includes(user)) return line;
    return undefined;
  })();
  const sent = await api.post(
    '/events',
    {
      specversion: '1.0',
      id: user,
      source: 'demo',
      type: 'auth.user.created',
      data: { id: user, name: user },
    },
    { 'content-type': 'application/cloudevents+json' },
  );
  check('event auth.user.created accepted', sent.status === 202, sent.body);
  const line = await Promise.race([
    tail,
    new Promise<undefined>((late) => setTimeout(late, 15_000, undefined)),
  ]);
  stop.abort();
  check('its hook ran, and its log line came by the live tail', line !== undefined);
  quote(`${line?.level}: ${line?.message}`);
  const runs = await api.get(`/executions?installation=${welcome.id}&trigger=event&limit=1`);
  const [run] = runs.body.data as { function: string; status: string; id: string }[];
  check(`record: ${run?.function} ${run?.status}`, run?.status === 'succeeded', run);
}

async function webAssembly(api: Api): Promise<void> {
  step('A plugin in WebAssembly');
  const crc = await deploy(api, await packed('plugins/crc'));
  await activate(api, crc);
  const answer = await api.post(`/installations/${crc.id}/execute`, { function: 'checksum', input: 'Ada' });
  check(`called: ${JSON.stringify(answer.body.result)}`, answer.status === 200, answer.body);
}

async function jobs(api: Api): Promise<void> {
  step('A job, run now instead of at its hour');
  const digest = await deploy(api, await packed('plugins/digest'));
  await activate(api, digest);
  const planned = await eventually(
    () => api.get(`/installations/${digest.id}/jobs`),
    ({ body }) => ((body.data as unknown[]) ?? []).length > 0,
    'the schedule',
  );
  const [job] = planned.body.data as { name: string; schedule: string; timezone: string; nextAt: string }[];
  fact(`${job?.name}: ${job?.schedule} (${job?.timezone}), next at ${job?.nextAt}`);
  const started = await api.post(`/installations/${digest.id}/jobs/hourly/run-now`);
  check('started', started.status === 202, started.body);
  const execution = String(started.body.executionId);
  const record = await ended(api, execution);
  check(
    `ended: ${String(record.body.status)}, ${JSON.stringify(record.body.result)}`,
    record.body.status === 'succeeded',
    record.body,
  );
  const lines = await eventually(
    () => logsOf(api, execution),
    (logged) => logged.length > 0,
    'its log',
  );
  for (const { level, message } of lines) quote(`${level}: ${message}`);
}

const hostile = `
export function loop() { for (;;); }
export function memory() { const all = []; for (;;) all.push(new Array(1e6).fill(all.length)); }
export function look() { return [typeof process, typeof require, typeof WebAssembly].join(', '); }`;

async function hostility(api: Api, neighbour: Deployed): Promise<{ stranger: Api; bad: Deployed }> {
  step('A hostile plugin of another tenant, while the first one keeps answering');
  const slug = `stranger-${randomBytes(3).toString('hex')}`;
  const tenant = await api.post('/tenants', { slug, name: 'A stranger' });
  const key = await api.post('/api-keys', { tenant: slug, roles: ['tenant-admin'] });
  check(`tenant ${slug} and its key made`, tenant.status === 201 && key.status === 201, [
    tenant.body,
    key.body,
  ]);
  const stranger = await connect(String(key.body.key));
  const bad = await deploy(
    stranger,
    await packedSource(hostile, {
      functions: { loop: {}, memory: {}, look: {} },
      limits: { timeoutMs: 1_500, memoryMb: 32 },
    }),
  );
  await activate(stranger, bad);
  const seen = await stranger.post(`/installations/${bad.id}/execute`, { function: 'look' });
  check(
    `what it finds of the host (process, require, WebAssembly): ${String(seen.body.result)}`,
    seen.body.result === 'undefined, undefined, undefined',
    seen.body,
  );
  for (const [name, expected] of [
    ['loop', ['EXECUTION_TIMED_OUT']],
    ['memory', ['OUT_OF_MEMORY']],
  ] as const) {
    let running = true;
    const times: number[] = [];
    const others = (async () => {
      while (running) {
        const began = performance.now();
        const answer = await api.post(`/installations/${neighbour.id}/execute`, {
          function: 'greet',
          input: { name: 'you' },
        });
        if (answer.status !== 200)
          throw new Error(`the neighbour was answered ${answer.status}: ${JSON.stringify(answer.body)}`);
        times.push(performance.now() - began);
      }
    })();
    const began = performance.now();
    const answer = await stranger.post(`/installations/${bad.id}/execute`, { function: name });
    const took = performance.now() - began;
    running = false;
    await others;
    check(
      `${name}: stopped after ${took.toFixed(0)} ms: ${answer.status} ${String(answer.body.code)}`,
      (expected as readonly string[]).includes(String(answer.body.code)),
      answer.body,
    );
    fact(
      `meanwhile the neighbour answered ${times.length} calls, the slowest in ${Math.max(...times).toFixed(0)} ms`,
    );
  }
  return { stranger, bad };
}

async function quarantine(api: Api, { stranger, bad }: { stranger: Api; bad: Deployed }): Promise<void> {
  step('Quarantine: stopped everywhere, and released');
  const made = await api.post('/quarantine', { versionId: bad.versionId, reason: 'the demo says so' });
  check('quarantined', made.status === 201, made.body);
  const began = performance.now();
  const refused = await eventually(
    () => stranger.post(`/installations/${bad.id}/execute`, { function: 'look' }),
    ({ status }) => status === 423,
    'the refusal',
  );
  check(
    `refused after ${(performance.now() - began).toFixed(0)} ms: 423 ${String(refused.body.detail)}`,
    refused.body.code === 'QUARANTINED',
    refused.body,
  );
  const released = await api.post(`/quarantine/${String(made.body.id)}/release`);
  check('released', released.status === 200, released.body);
  await eventually(
    () => stranger.post(`/installations/${bad.id}/execute`, { function: 'look' }),
    ({ status }) => status === 200,
    'it runs again',
  );
  const gone = await stranger.call('DELETE', `/installations/${bad.id}?keepData=false`);
  check('uninstalled', gone.status === 204, gone.body);
}

try {
  const began = performance.now();
  const api = await connect();
  fact(`Mortise at ${api.base}`);
  const greeter = await callable(api);
  await hooks(api);
  await webAssembly(api);
  await jobs(api);
  await quarantine(api, await hostility(api, greeter));
  console.log(`\nAll of it held, in ${((performance.now() - began) / 1000).toFixed(1)} s.`);
  process.exit(0);
} catch (error) {
  console.error(`\nThe demo ended early: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
