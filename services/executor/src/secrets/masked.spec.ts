import { newId } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ExecutorUnderTest } from '../../test/executor-under-test.js';

const secret = 'sentinel-81b2e7';

describe('a secret', () => {
  let executor: ExecutorUnderTest;
  beforeAll(async () => {
    executor = await ExecutorUnderTest.start();
  });
  afterAll(() => executor.close());

  it('that one execution read is masked in those after it, which find it in the isolate', async () => {
    const state = await executor.install(
      `let kept;
       export const read = async (_input, ctx) => { kept = await ctx.secrets.get('TOKEN'); };
       export const tell = (_input, ctx) => {
         ctx.log.info('kept ' + kept);
         throw new Error('it is ' + kept + ' or ' + btoa('user:' + kept));
       };`,
      { functions: { read: {}, tell: {} }, secretKeys: ['TOKEN'], secretsRevision: 1 },
    );
    executor.secrets.set(state.installationId, { TOKEN: secret });
    const executionId = newId();
    await executor.execute(state, { function: 'read' });

    const reply = await executor.execute(state, { function: 'tell' }, { executionId });

    const event = await executor.event(executionId, 'failed');
    const line = await until(
      () => executor.logs.find(({ message }) => message.startsWith('kept')),
      'the line',
    );
    expect(reply).toMatchObject({
      error: { message: expect.stringMatching(/^it is \*\*\* or .*\*\*\*/) as string },
    });
    expect(line.message).toBe('kept ***');
    expect(JSON.stringify([reply, event])).not.toContain(secret);
  });
});
