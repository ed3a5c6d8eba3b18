import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { areas, type Area } from '../../test/conformance.js';
import { Ground } from '../../test/ground.js';

const page = join(import.meta.dirname, '../../../../docs/reference/runtime.md');
const portion = 100;
let ground: Ground;
beforeAll(async () => void (ground = await Ground.start()));
afterAll(() => ground.sandbox.close());

/** The cases that do not hold. */
async function failing({ check, cases }: Area): Promise<unknown[]> {
  const code = `const check = ${check};
export const go = async (cases) => {
  const held = [];
  for (const one of cases) held.push(await (async () => check(one))().then((x) => x === true, () => false));
  return held;
};`;
  const held: boolean[] = [];
  for (let at = 0; at < cases.length; at += portion) {
    const { status, result, error } = await ground.go({ code, input: cases.slice(at, at + portion) });
    if (status !== 'succeeded') throw new Error(`${status}: ${error?.message}`);
    held.push(...(JSON.parse(String(result)) as boolean[]));
  }
  return cases.filter((_one, at) => !held[at]);
}

it('is, area by area, as close to the standards as docs/reference/runtime.md says', async () => {
  const rows: string[] = [];
  for (const area of areas) {
    const missed = await failing(area);
    rows.push(
      `| ${area.name} | ${area.source} | ${area.cases.length - missed.length} of ${area.cases.length} |`,
    );
  }
  const text = `# Runtime

What plugin code finds, held to the web's standards in a real isolate by \`libs/sandbox/src/web/conformance.spec.ts\`, which fails when this page is stale (\`vitest -u\` writes it).

| area | cases | held |
| --- | --- | --- |
${rows.join('\n')}

Every global is the standard's: \`fetch\`, \`Request\`, \`Response\`, \`Headers\`, \`URL\`, \`URLSearchParams\`, \`TextEncoder\`, \`TextDecoder\` and their streams, readable, writable and transform streams, \`AbortController\`, \`AbortSignal\`, \`Event\`, \`EventTarget\`, \`DOMException\`, \`Blob\`, \`File\`, \`FormData\`, \`structuredClone\`, \`atob\`, \`btoa\`, \`crypto\`, \`performance\`, timers, \`queueMicrotask\` and \`console\`, which writes to the log.

Otherwise than in a browser:

- \`Date\` and \`performance\` stand still while code runs; they move on when the run goes on after a host call or a timer.
- \`fetch\` reaches the hosts that the manifest names and the tenant granted; \`timeoutMs\` in its options bounds one request.
- \`crypto.subtle\` makes no RSA keys (it signs, verifies and encrypts with those it is given, of 4,096 bits at most), derives 512 bits at most by PBKDF2 in 100,000 rounds at most, and takes 16 MB at a time.
- There is no \`SharedArrayBuffer\`, \`Atomics\`, \`WebAssembly\`, \`WeakRef\` or \`FinalizationRegistry\`, no Node module, and no resizable buffer.
`;
  await expect(text).toMatchFileSnapshot(page);
}, 60_000);
