import { Bus, busEnv } from '@mortise/bus';
import type { Principal } from '@mortise/contracts';
import { createLogger, defineEnv, loadEnv, systemClock } from '@mortise/service-kit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Events } from './events.service.js';

const caller: Principal = {
  tenantId: '0190a000-0000-7000-8000-000000000001',
  tenantSlug: 'acme',
  subject: 'key:abc',
  roles: ['tenant-admin'],
  requestId: 'r',
};
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const event = { specversion: '1.0' as const, id: 'e', source: 'app', type: 'auth.user.created', data: {} };

describe('events of the host product', () => {
  let bus: Bus;
  let free: () => void;
  beforeEach(async () => {
    bus = Bus.create({
      service: 'scheduler',
      instanceId: 'scheduler-0',
      env: loadEnv(defineEnv(busEnv), { BUS: 'memory' }),
      logger: createLogger({ service: 'scheduler', level: 'silent' }),
    });
    const gate = Promise.withResolvers<void>();
    free = gate.resolve;
    bus.consume({ topic: 'platform-events', handler: () => gate.promise });
    await bus.start();
  });
  afterEach(async () => {
    free();
    await bus.close(0);
  });

  it('are accepted once the bus has them', async () => {
    free();

    const accepted = await new Events(bus, systemClock).publish(caller, event, traceparent);

    expect(accepted).toMatchObject({ id: 'e', acceptedAt: expect.any(String) });
  });

  it('are refused for the moment when the bus does not take them in time, and the caller is not left waiting', async () => {
    const asked = new Events(bus, systemClock, 20).publish(caller, event, traceparent);

    await expect(asked).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
