import { systemClock } from '@mortise/service-kit';
import { describe, expect, it } from 'vitest';
import { quiet } from './bus.contract.js';
import { systemTimers } from './engine/timing.js';
import { Requests } from './requests.js';
import type { Transport } from './transport.js';

describe('requests', () => {
  it('refuse more than they can hold, and end all that wait when the bus closes', async () => {
    // A bus that takes everything and never answers.
    const silent = {
      replyAddress: { topic: 'execution-replies', partition: 0 },
      send: () => new Promise<void>(() => {}),
    } as unknown as Transport;
    const requests = new Requests(silent, systemClock, systemTimers, quiet);
    const ask = () =>
      requests
        .request(
          { topic: 'executions.interactive', key: null, value: null, headers: {} },
          systemClock.now() + 60_000,
        )
        .then(
          () => 'answered',
          (error: Error) => error.message,
        );

    const waiting = Array.from({ length: 65_536 }, ask);
    expect(await ask()).toMatch(/too many wait for an answer/);
    expect(requests.size).toBe(65_536);

    requests.close();
    expect(new Set(await Promise.all(waiting)).size).toBe(1);
    expect(requests.size).toBe(0);
  });
});
