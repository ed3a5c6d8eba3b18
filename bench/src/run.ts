// `make bench`: a table with the target beside each result, and bench/results/latest.json.
import { mkdir, writeFile } from 'node:fs/promises';
import { stopSharedCluster } from './cluster.ts';
import type { Figure } from './figure.ts';
import { httpOneCaller, httpSaturated, httpSomeCallers } from './figures/cluster.ts';
import { brokerKill } from './figures/broker-kill.ts';
import { eventIntake } from './figures/event-intake.ts';
import { backOtherCordon, backSameCordon } from './figures/capacity.ts';
import { fastBesideOthers, fastBesideOwn } from './figures/p10-lanes.ts';
import { idleTenants } from './figures/idle-tenants.ts';
import { fairness } from './figures/fairness.ts';
import { installToRun, secondStart } from './figures/lifecycle.ts';
import { busManyCallers, busOneCaller, busSomeCallers } from './figures/p11-bus.ts';
import { inside } from './figures/p1-inside.ts';
import { besideWorkerd } from './figures/p5-workerd.ts';
import { hostCallAlone, hostCallCrowd, inFlight, saturated, warmCall } from './figures/sandbox-calls.ts';
import { coldLarge, coldMiddle, coldSmall, warmPerGiB } from './figures/sandbox-starts.ts';
import { commitToConsumer, inbox, relay } from './figures/outbox.ts';
import { httpExecute } from './figures/p4-http-execute.ts';
import { slowHandler } from './figures/p14-slow-handler.ts';
import { scheduler, schedulerLag } from './figures/p21-scheduler.ts';
import { projection } from './figures/p15-projection.ts';
import { largeUpload, uploadRate } from './figures/uploads.ts';
import { stopShared } from './platform.ts';

const figures: Figure[] = [
  inside,
  warmCall,
  saturated,
  httpExecute,
  besideWorkerd,
  hostCallAlone,
  hostCallCrowd,
  coldSmall,
  coldMiddle,
  coldLarge,
  warmPerGiB,
  inFlight,
  fastBesideOwn,
  fastBesideOthers,
  backSameCordon,
  backOtherCordon,
  idleTenants,
  busOneCaller,
  busSomeCallers,
  busManyCallers,
  httpOneCaller,
  httpSomeCallers,
  httpSaturated,
  slowHandler,
  brokerKill,
  projection,
  relay,
  commitToConsumer,
  inbox,
  eventIntake,
  largeUpload,
  uploadRate,
  installToRun,
  scheduler,
  schedulerLag,
  secondStart,
  fairness,
];
const only = process.env.ONLY?.split(',').map((id) => id.trim().toUpperCase());
const round = (value: number) => Number(value.toPrecision(4));
const results = [];

for (const figure of figures.filter(({ id }) => !only || only.includes(id))) {
  const { id, what, unit, reference, target } = figure;
  const started = performance.now();
  const tookS = () => Math.round((performance.now() - started) / 1_000);
  try {
    const { value, referenceValue, rounds, note } = await figure.measure();
    const ratio = referenceValue === undefined ? undefined : value / referenceValue;
    const ok = figure.ok({ value, ratio: ratio ?? NaN });
    results.push({
      id,
      what,
      value,
      unit,
      reference,
      referenceValue,
      ratio,
      target,
      ok,
      rounds,
      note,
      tookS: tookS(),
    });
    console.log(
      `${id.padEnd(4)} ${what}\n     ${round(value)} ${unit}${ratio === undefined ? '' : `, ${ratio.toFixed(2)}x of ${reference} (${round(referenceValue ?? 0)})`}; target ${target}: ${ok ? 'ok' : 'SHORT'}${note ? `\n     ${note}` : ''}`,
    );
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    results.push({
      id,
      what,
      unit,
      reference,
      target,
      ok: false,
      rounds: [],
      tookS: tookS(),
      note: `not measured: ${message}`,
    });
    console.log(`${id.padEnd(4)} ${what}\n     not measured: ${message}`);
  }
}

await Promise.all([stopShared(), stopSharedCluster()]);
console.log(`measured in ${results.reduce((sum, { tookS }) => sum + tookS, 0)} s`);
await mkdir('bench/results', { recursive: true });
await writeFile('bench/results/latest.json', `${JSON.stringify(results, null, 2)}\n`);
