import { effectiveLimits } from '@mortise/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Sandbox } from './sandbox.js';

const quiet = { info() {}, warn() {}, error() {} };
const sandbox = new Sandbox({ walls: 'prefer', workers: 3, logger: quiet });
beforeAll(() => sandbox.start());
afterAll(() => sandbox.close());

const source = { filename: 'main.js', code: 'export const go = (input) => input' };
let count = 0;

const run = (tenantId: string) =>
  sandbox.invoke({
    executionId: `run-${++count}`,
    unit: { key: tenantId, tenantId, digest: 'd'.repeat(64), cordon: tenantId, isolation: 'isolate', source },
    handler: 'go',
    input: '1',
    context: '{}',
    limits: effectiveLimits({ timeoutMs: 20_000 }, 'call'),
    deadline: Date.now() + 20_000,
    host: () => Promise.resolve('null'),
    log: () => {},
  });

describe('more tenants than workers', () => {
  it('never takes more processes than it may, however many tenants come once', async () => {
    let most = 0;
    for (let first = 0; first < 24; first += 4) {
      const ran = await Promise.all([0, 1, 2, 3].map((more) => run(`once-${first + more}`)));
      expect(ran.map(({ status }) => status)).toEqual(Array.from({ length: 4 }, () => 'succeeded'));
      most = Math.max(most, sandbox.stats().workers.length);
    }
    expect(most).toBeLessThanOrEqual(3);
  });

  it('answers each run and each inspection, whoever gave up its worker for it', async () => {
    const tenants = Array.from({ length: 5 }, (_, index) => `tenant-${index}`);
    const rounds = await Promise.all(
      tenants.map(async (tenant) => {
        const [inspected, ran] = await Promise.all([sandbox.inspect(source, ['go'], tenant), run(tenant)]);
        return [inspected.ok, ran.status];
      }),
    );
    expect(new Set(rounds.flat())).toEqual(new Set([true, 'succeeded']));
  });
});
