import {
  defineEvent,
  headers,
  InstallationActivated,
  InstallationUninstalled,
  type InstallationData,
} from '@mortise/contracts';
import { AppError, defineEnv, loadEnv, newId } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { Controller, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, Payload, type MicroserviceOptions } from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import { Bus } from '../bus.js';
import { quiet, shortRetry } from '../bus.contract.js';
import { busEnv } from '../env.js';
import { MemoryBroker } from '../memory/broker.js';
import type { Received } from '../record.js';
import { encodeEvent } from '../codec.js';
import { OnCommand, OnEvent } from './decorators.js';
import { BusContext, BusStrategy } from './strategy.js';

const env = loadEnv(defineEnv(busEnv), { BUS: 'memory' });
const connect = (broker: MemoryBroker, service: 'scheduler' | 'gateway' | 'registry') =>
  Bus.create({ service, instanceId: newId(), env, broker, logger: quiet, retry: shortRetry });

const data = (): InstallationData => ({
  installationId: newId(),
  tenantId: newId(),
  pluginId: newId(),
  versionId: newId(),
  version: '1.0.0',
  status: 'active',
  revision: 1,
  actor: 'key:mk_1',
  at: new Date().toISOString(),
});

/** A Nest app with one controller on the bus, as a service makes it. */
async function appWith(controller: Type, broker = new MemoryBroker()) {
  @Module({ controllers: [controller] })
  class TestModule {}
  const bus = connect(broker, 'scheduler');
  const strategy = new BusStrategy(bus);
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(TestModule, {
    strategy,
    logger: false,
  });
  await app.listen();
  await bus.start();
  return { bus, broker, app };
}

describe('BusStrategy', () => {
  it('calls the decorated method with the data and the event', async () => {
    const seen: [InstallationData, string][] = [];
    @Controller()
    class Installations {
      @OnEvent(InstallationActivated)
      async activated(@Payload() activated: InstallationData, @Ctx() context: BusContext) {
        seen.push([activated, context.event.source]);
      }
    }
    const { bus, broker } = await appWith(Installations);
    const registry = connect(broker, 'registry');
    await registry.start();
    const sent = data();

    await registry.publish(InstallationActivated, sent);

    expect(seen).toEqual([[sent, '/registry']]);
    await Promise.all([bus.close(), registry.close()]);
  });

  it('lets the retry see the real error: a hopeless one goes to the dead letters at once', async () => {
    let calls = 0;
    @Controller()
    class Installations {
      @OnEvent(InstallationActivated)
      async activated() {
        calls += 1;
        throw new AppError('CONFLICT', { reason: 'gone' });
      }
    }
    const { bus, broker } = await appWith(Installations);
    const dead: Received[] = [];
    const registry = connect(broker, 'registry');
    registry.consume({ topic: 'dead-letters.scheduler', handler: async (one) => void dead.push(one) });
    await registry.start();

    await registry.publish(InstallationActivated, data());

    await until(() => dead.length === 1, 'a dead letter');
    expect(dead[0]?.headers['dead-letter-code']).toBe('CONFLICT');
    expect(calls).toBe(1);
    await Promise.all([bus.close(), registry.close()]);
  });

  it('replies to a command with what its method returns, or with why not', async () => {
    @Controller()
    class Commands {
      @OnCommand(InstallationUninstalled)
      async uninstall(command: InstallationData) {
        if (command.revision > 1) throw new AppError('CONFLICT', { reason: 'newer' });
        return { removed: command.installationId };
      }
    }
    const { bus, broker } = await appWith(Commands);
    const gateway = connect(broker, 'gateway');
    await gateway.start();
    const ask = (command: InstallationData) =>
      gateway.request(encodeEvent(InstallationUninstalled, command), { deadline: Date.now() + 5_000 });
    const sent = data();

    const done = await ask(sent);
    const refused = await ask({ ...sent, revision: 2 });

    expect(done.headers[headers.status]).toBe('succeeded');
    expect(JSON.parse(String(done.value))).toEqual({ removed: sent.installationId });
    expect(refused.headers[headers.status]).toBe('refused');
    expect(JSON.parse(String(refused.value))).toMatchObject({ code: 'CONFLICT' });
    await Promise.all([bus.close(), gateway.close()]);
  });

  it('refuses an event that is not in the catalogue, naming the file', async () => {
    const Unknown = defineEvent('installation.teleported', {
      topic: 'installation-lifecycle',
      key: () => '',
      data: Object,
    });
    @Controller()
    class Installations {
      @OnEvent(Unknown)
      async teleported() {}
    }

    await expect(appWith(Installations)).rejects.toThrow(
      /libs\/bus\/src\/nest\/strategy\.spec\.ts handles installation\.teleported, which is not in the event catalogue/,
    );
  });

  it('refuses two handlers of one event in one group, naming both files', async () => {
    @Controller()
    class Installations {
      @OnEvent(InstallationActivated)
      async one() {}
      @OnEvent(InstallationActivated)
      async two() {}
      @OnEvent(InstallationActivated, { group: 'another' })
      async three() {}
    }

    await expect(appWith(Installations)).rejects.toThrow(
      /installation\.activated has two handlers in the group scheduler: libs\/bus.*strategy\.spec\.ts and libs\/bus.*strategy\.spec\.ts/,
    );
  });

  it('refuses a handler that nothing would call', async () => {
    @Controller()
    class Installations {
      @EventPattern('installation.activated')
      async activated(_data: unknown) {}
    }

    await expect(appWith(Installations)).rejects.toThrow('not declared with @OnEvent or @OnCommand');
  });
});
