// What a worker does with a call, without the socket: frames go to the pump and its answers nowhere.
import { effectiveLimits } from '@mortise/contracts';
import { loadIvm } from '@mortise/sandbox/child/engine.js';
import { frameType, FrameWriter } from '@mortise/sandbox/child/frames.js';
import { Pump } from '@mortise/sandbox/child/pump.js';
import { nativeBinary } from '@mortise/sandbox/native-binary.js';
import { echo, input } from './sandbox.ts';

const callsAtOnce = 50;
const turns = 1_000;
const filename = 'main.js';
const handler = 'go';
const context = JSON.stringify({ tenantId: 'acme', config: {}, executionId: 'x' });
const limits = JSON.stringify(effectiveLimits({ timeoutMs: 5_000 }, 'call'));

let open = 0;
let allAnswered = () => {};
/** Counts the answers and sends nothing. */
class Sink extends FrameWriter {
  override send(_no: number, type: number, payload: string): void {
    if (type !== frameType.done) return;
    if (payload[0] !== 's') throw new Error(payload);
    if (--open === 0) allAnswered();
  }
}
const pump = new Pump(loadIvm(nativeBinary()), new Sink(() => {}));
pump.handle(1, frameType.limits, limits);
pump.handle(1, frameType.load, `128 0 ${filename.length}\n${filename}${echo}`);

let no = 0;
const ours = (calls: number) =>
  new Promise<void>((answered) => {
    [open, allAnswered] = [calls, answered];
    const head = `1 1 ${Date.now() + 5_000} 0 ${handler.length} ${context.length}\n`;
    for (let call = 0; call < calls; call++)
      pump.handle(++no, frameType.run, `${head}${handler}${context}${input}`);
    pump.endTurn();
  });

const go = async (value: unknown) => value;
const bare = async (calls: number) => {
  for (let call = 0; call < calls; call++) JSON.stringify(await go(JSON.parse(input)));
};

async function usACall(turn: (calls: number) => Promise<void>): Promise<number> {
  const started = performance.now();
  for (let done = 0; done < turns; done++) await turn(callsAtOnce);
  return ((performance.now() - started) * 1_000) / turns / callsAtOnce;
}

const rounds = [];
for (let round = 0; round < 7; round++)
  rounds.push({ value: await usACall(ours), reference: await usACall(bare) });
console.log(JSON.stringify(rounds.slice(2)));
// Isolates that live would keep the process.
process.exit();
