// `make faults`: a cluster of real processes is worked and broken at the same time; then what was accepted is held
// against what is recorded. SEED= repeats the faults, DURATION_S= says how long, ONLY= deals only faults so named.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Api } from './api.ts';
import { check } from './checker.ts';
import type { History } from './history.ts';
import { torment } from './nemesis.ts';
import { calm, observe } from './observe.ts';
import { Random } from '@mortise/testing';
import { historyOf, summary } from './report.ts';
import { openScene, type Scene } from './scene.ts';
import { capture } from './silence.ts';
import { setUp } from './tenants.ts';
import { putPoison } from './poison.ts';
import { Workload } from './workload.ts';

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1_000_000));
const durationMs = Number(process.env.DURATION_S ?? 120) * 1_000;
const only = (process.env.ONLY ?? '').split(',').filter(Boolean);
const shownViolations = 20;

const startedAt = performance.now();
const say = (line: string) =>
  console.log(`${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(6)} s  ${line}`);

async function run(scene: Scene): Promise<number> {
  const admin = new Api(scene.url, scene.adminKey, async (what) =>
    say(`NOT ANSWERED: ${what}; see ${await capture(scene, what)}`),
  );
  const tenants = await setUp(admin, 3, 5);
  const installed = tenants.flatMap((tenant) => tenant.installed);
  const poison = await putPoison(scene.brokers);
  const history: History = { installed, asked: [], injected: [], poison, startedAt: Date.now(), calmAt: 0 };
  say(`${tenants.length} tenants, ${installed.length} installations; faults for ${durationMs / 1_000} s`);

  // Callers and faults draw from decks of their own: how many calls there were does not change which fault comes next.
  const workload = new Workload(tenants, new Random(seed + 1), history.asked);
  workload.start();
  await delay(2_000);
  const untilMs = history.startedAt + durationMs;
  await torment(scene, new Random(seed), { untilMs, only, injected: history.injected, say });
  await workload.end();
  history.calmAt = Date.now();

  const { left, tookMs } = await calm({ ...scene, tenants });
  say(
    `calm: ${left.length === 0 ? `everything done within ${tookMs} ms` : `${left.length} things still wait`}`,
  );
  const observed = await observe({ ...scene, tenants }, history, left);
  await writeFile(join(scene.folder, 'history.json'), JSON.stringify({ seed, history, observed }));
  const violations = check(history, observed);
  console.log(`\n${summary(history, observed)}\n`);
  for (const violation of violations.slice(0, shownViolations)) {
    console.log(`VIOLATION  ${violation.rule}: ${violation.subject}: ${violation.what}`);
    console.log(await historyOf(violation, history, observed, join(scene.folder, 'logs')));
  }
  console.log(
    `faults: seed ${seed}, ${history.injected.length} faults, ${history.asked.length} requests, ${violations.length} violations`,
  );
  return violations.length;
}

const folder = await mkdtemp(join(tmpdir(), 'mortise-faults-'));
say(`seed ${seed}; starting a cluster in ${folder}`);
const scene = await openScene(folder);
let violations = 1;
try {
  violations = await run(scene);
} finally {
  await scene.close();
  if (violations === 0 && !process.env.KEEP) await rm(folder, { recursive: true, force: true });
  else console.log(`kept: ${folder} (history.json, logs)`);
}
process.exitCode = violations === 0 ? 0 : 1;
