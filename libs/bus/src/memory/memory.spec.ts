import { InstallationActivated, PluginState, serviceNames, type PluginStateData } from '@mortise/contracts';
import { defineEnv, loadEnv, newId } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { describe, expect, it } from 'vitest';
import { Bus } from '../bus.js';
import { busContract, quiet, shortRetry, type Twin } from '../bus.contract.js';
import { busEnv } from '../env.js';
import { hostileContract } from '../hostile.contract.js';
import { readingsContract } from '../readings.contract.js';
import { replayContract } from '../replay.contract.js';
import { MemoryBroker } from './broker.js';
import { MemoryTransport } from './transport.js';

const env = loadEnv(defineEnv(busEnv), { BUS: 'memory' });

const makeTwin = async (): Promise<Twin> => {
  const broker = new MemoryBroker();
  const transports = new Map<Bus, MemoryTransport>();
  return {
    bus: (options) => {
      const whole = { instanceId: newId(), env, logger: quiet, ...options };
      const transport = new MemoryTransport({ ...whole, broker });
      const bus = new Bus(transport, whole);
      transports.set(bus, transport);
      return bus;
    },
    crash: async (bus) => transports.get(bus)?.close(),
    close: async () => {},
  };
};

busContract('memory', makeTwin);
replayContract('memory', makeTwin);
readingsContract('memory', makeTwin);
hostileContract('memory', makeTwin);

const row = (revision: number, pluginId = newId()): PluginStateData => ({
  pluginId,
  tenantId: newId(),
  publisher: 'acme',
  slug: 'greeter',
  quarantined: [],
  revision,
});

describe('the memory broker', () => {
  const connect = (broker: MemoryBroker, service: (typeof serviceNames)[number]) =>
    Bus.create({ service, instanceId: newId(), env, broker, logger: quiet, retry: shortRetry });
  const activated = () => ({
    installationId: newId(),
    tenantId: newId(),
    pluginId: newId(),
    versionId: newId(),
    version: '1.0.0',
    status: 'active' as const,
    revision: 1,
    actor: 'key:mk_1',
    at: new Date().toISOString(),
  });

  it('resolves a durable publish when every named group has finished it, solo groups aside', async () => {
    const broker = new MemoryBroker();
    const [registry, scheduler, executor] = [
      connect(broker, 'registry'),
      connect(broker, 'scheduler'),
      connect(broker, 'executor'),
    ];
    const releases: (() => void)[] = [];
    const slow = () => new Promise<void>((resolve) => releases.push(resolve));
    scheduler.on(InstallationActivated, slow);
    executor.on(InstallationActivated, slow);
    executor.consume({ topic: 'installation-lifecycle', solo: true, handler: () => new Promise(() => {}) });
    await Promise.all([registry, scheduler, executor].map((bus) => bus.start()));

    let settled = false;
    const publishing = registry.publish(InstallationActivated, activated()).then(() => (settled = true));
    await until(() => releases.length === 2, 'both groups have it');
    releases[0]?.();
    await new Promise(setImmediate);
    expect(settled).toBe(false);
    releases[1]?.();
    await publishing;
    await Promise.all([registry, scheduler].map((bus) => bus.close()));
  });

  it('resolves a publish to an exempt topic at once', async () => {
    const broker = new MemoryBroker();
    const [gateway, executor] = [connect(broker, 'gateway'), connect(broker, 'executor')];
    executor.consume({ topic: 'executions.interactive', handler: () => new Promise(() => {}) });
    await Promise.all([gateway.start(), executor.start()]);

    await gateway.send([{ topic: 'executions.interactive', key: 'k', value: null, headers: {} }]);
  });

  it('keeps a record that is published before its consumer has started', async () => {
    const broker = new MemoryBroker({ services: ['registry', 'scheduler'] });
    const [registry, scheduler] = [connect(broker, 'registry'), connect(broker, 'scheduler')];
    const seen: string[] = [];
    scheduler.on(InstallationActivated, async (event) => void seen.push(event.data.installationId));
    const data = activated();

    await registry.start();
    const publishing = registry.publish(InstallationActivated, data);
    await scheduler.start();
    await publishing;

    expect(seen).toEqual([data.installationId]);
  });

  it('fills state tables from the owner, also those that start first', async () => {
    const broker = new MemoryBroker({ services: ['registry', 'executor'] });
    const [registry, executor] = [connect(broker, 'registry'), connect(broker, 'executor')];
    const [old, both] = [row(1), row(4)];
    registry.provideSnapshot(PluginState, async function* () {
      yield old;
      yield { ...both, revision: 3 };
    });
    const table = executor.state(PluginState);
    await executor.start();
    expect(table.isCaughtUp).toBe(false);
    expect(executor.ready().ok).toBe(false);

    await registry.start();
    void registry.publish(PluginState, both);
    await table.caughtUp;

    expect(table.get(old.pluginId)?.revision).toBe(1);
    expect(table.get(both.pluginId)?.revision).toBe(4);
  });

  it('refuses to start the whole house while an event has no consumer, naming the file', async () => {
    const broker = new MemoryBroker({ services: serviceNames });
    const buses = serviceNames.map((service) => connect(broker, service));
    const last = buses.pop() as Bus;
    for (const bus of buses) await bus.start();

    await expect(last.start()).rejects.toThrow(/Nobody consumes .*libs\/contracts\/src\/events\/index\.ts/);
  });
});
