import { entryOf, type Engine } from './engine.js';
import { PluginCode } from './plugin-code.js';

/** What most plugins use of the runtime. */
const code = `export const go = async (input, ctx) => {
  ctx.log.info('text', { input });
  console.log('text', input);
  await ctx.storage.get('key');
  await new Promise((next) => setTimeout(next, 1));
  return { input };
};`;
const timeout = 1_000;
const memoryMb = 8;
const limits = JSON.stringify({
  hostCalls: 10,
  hostCallsInFlight: 10,
  logLines: 10,
  logBytes: 10_000,
  outputBytes: 10_000,
});

/**
 * Lets a plugin run once in an isolate of its own, so that the code V8 keeps of the prelude holds what runs go through:
 * compiling that was half of what a plugin's first run took.
 */
export function rehearse(engine: Engine): void {
  const isolate = engine.isolate(memoryMb);
  const instance = engine.instance(isolate, () => {});
  const enter = (name: string, ...args: unknown[]) =>
    entryOf(instance, name).applySync(undefined, args as never[], { timeout });
  try {
    new PluginCode().load(isolate, instance, { filename: 'main.js', code }, timeout);
    enter('run', 1, 'go', '{}', '{}', limits);
    enter('collect');
    enter('deliver', 1, 1, true, 'null');
    enter('collect');
    enter('fire', 1, 1);
    enter('collect');
  } catch {
    // Too slow a machine: what was compiled until then is kept.
  }
  engine.keepPrelude(isolate);
  isolate.dispose();
}
