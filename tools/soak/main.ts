// `make soak`: good plugins work without a pause beside neighbours that are harmless and hostile by turns; nothing may
// grow, leak, fail or get slow for it. DURATION_S= says how long (60), SEED= repeats the choice of hostile ones, ONLY=
// takes those whose ids begin so.
import { Random } from '@mortise/testing';
import { Api } from '../faults/api.ts';
import { Attackers, callGood, callHarmless, type Good } from './callers.ts';
import { look, type Reading } from './kernel.ts';
import { installGood, newTenant } from './plugins.ts';
import { startPlatform, type Platform } from './platform.ts';
import { judge, percentile } from './verdict.ts';

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1_000_000));
const durationMs = Number(process.env.DURATION_S ?? 60) * 1_000;
const only = (process.env.ONLY ?? '').split(',').filter(Boolean);
const windowMs = 3_000;
const goodCallers = 4;
/** Callers of other tenants' plugins, by turns harmless and hostile: the load stays, the hostility comes and goes. */
const neighbours = 4;
const hostilePlugins = 24;

async function soak(platform: Platform): Promise<string[]> {
  const admin = new Api(platform.url, platform.adminKey);
  const [good, harmless] = [await install(admin), await install(admin)];
  const tenants = harmless.map(({ api }) => api);
  const crowd = new Attackers(tenants, new Random(seed), only);
  await crowd.prepare(hostilePlugins);
  await callGood(good, goodCallers, performance.now() + windowMs);

  const readings: Reading[] = [];
  const quietMs: number[] = [];
  const stormMs: number[] = [];
  const wrong: string[] = [];
  const endsAt = performance.now() + durationMs;
  console.log(`\n${row('at s', 'harmless', 'hostile', 'RSS MB', 'fds', 'workers', 'their MB')}`);
  while (performance.now() < endsAt && platform.alive()) {
    const quietUntil = performance.now() + windowMs;
    const [quiet] = await Promise.all([
      callGood(good, goodCallers, quietUntil),
      callHarmless(harmless, neighbours, quietUntil),
    ]);
    const closesAt = performance.now() + windowMs;
    const [storm] = await Promise.all([
      callGood(good, goodCallers, closesAt),
      crowd.attack(neighbours, closesAt),
    ]);
    const reading = look(platform.pid);
    readings.push(reading);
    quietMs.push(...quiet.latenciesMs);
    stormMs.push(...storm.latenciesMs);
    wrong.push(...quiet.wrong, ...storm.wrong);
    console.log(
      row(
        String(Math.round((durationMs - (endsAt - performance.now())) / 1_000)),
        `${percentile(quiet.latenciesMs, 0.99).toFixed(1)} ms`,
        `${percentile(storm.latenciesMs, 0.99).toFixed(1)} ms`,
        reading.rssMb.toFixed(),
        String(reading.descriptors),
        String(reading.workers),
        reading.workersMb.toFixed(),
      ),
    );
  }
  const ends = [...crowd.ends].sort(([, a], [, b]) => b - a).map(([end, count]) => `${count} ${end}`);
  console.log(`\n${quietMs.length + stormMs.length} good calls; hostile ones: ${ends.join(', ')}`);
  console.log(
    `good calls p50 ${percentile(quietMs, 0.5).toFixed(1)} / ${percentile(stormMs, 0.5).toFixed(1)} ms, ` +
      `p99 ${percentile(quietMs, 0.99).toFixed(1)} / ${percentile(stormMs, 0.99).toFixed(1)} ms beside harmless / hostile neighbours`,
  );
  return judge({ quietMs, stormMs, readings, wrong, late: crowd.late, alive: platform.alive() });
}

/** Two tenants with the good plugin. */
const install = (admin: Api): Promise<Good[]> =>
  Promise.all(
    [1, 2].map(async () => {
      const api = await newTenant(admin);
      const installation = await installGood(api);
      if (installation === undefined) throw new Error('the good plugin was refused');
      return { api, installation };
    }),
  );

const row = (...cells: string[]) => cells.map((cell) => cell.padStart(11)).join('');

console.log(`seed ${seed}, ${durationMs / 1_000} s`);
const platform = await startPlatform();
try {
  const broken = await soak(platform);
  for (const sentence of broken) console.error(`BROKEN: ${sentence}`);
  console.log(broken.length === 0 ? 'held' : `broken; SEED=${seed} repeats the choice`);
  process.exitCode = broken.length === 0 ? 0 : 1;
} finally {
  await platform.stop();
}
