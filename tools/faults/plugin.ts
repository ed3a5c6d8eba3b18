import { buildPackage } from '@mortise/testing';

/** How long a function of the workload may take; part of what its callers were promised. */
export const timeoutMs = 2_000;
/** The event that every installation of the workload hears. */
export const eventType = 'faults.thing.happened';
export const jobs = ['first', 'second', 'third'];

// Each run leaves a mark under the execution's id before it does anything: the one witness of how often it ran.
const main = `
async function mark(ctx) {
  const key = 'run/' + ctx.executionId;
  const runs = (await ctx.storage.get(key)) ?? [];
  runs.push({ key: ctx.idempotencyKey, attempt: ctx.attempt, at: Date.now() });
  await ctx.storage.set(key, runs);
}
export function echo(input, ctx) {
  return { nonce: input.nonce, installation: ctx.installationId, counter: ctx.config.counter };
}
export async function work(input, ctx) {
  await mark(ctx);
  await new Promise((done) => setTimeout(done, input.ms));
  return { nonce: input.nonce };
}
export async function onThing(event, ctx) {
  await mark(ctx);
  return { nonce: event.id };
}
export async function onTick(input, ctx) {
  await mark(ctx);
  return { nonce: ctx.executionId };
}`;

/** A package of its own for each slug: nothing is shared by accident. */
export const archiveOf = (slug: string, version = '1.0.0'): Buffer =>
  buildPackage({
    manifest: {
      manifestVersion: 1,
      slug,
      name: slug,
      version,
      main: 'main.js',
      functions: { echo: {}, work: {}, onThing: {}, onTick: {} },
      limits: { timeoutMs, concurrency: 64 },
      config: { type: 'object', properties: { counter: { type: 'integer', default: 0 } } },
      events: [{ on: eventType, function: 'onThing' }],
      jobs: jobs.map((name) => ({
        name,
        schedule: '* * * * *',
        function: 'onTick',
        catchUp: 'once',
        overlap: 'queue',
      })),
    },
    files: { 'main.js': main },
  });
