import type { ServiceName } from '@mortise/contracts';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { systemClock, type Clock } from './clock.js';
import type { EnvOf, EnvSpec } from './env/load.js';
import type { baseEnv } from './env/base.js';
import { Health } from './health.js';
import { newId } from './ids.js';
import { createLogger, type Logger } from './logger.js';
import { Closers, type RunningService } from './shutdown.js';
import { startTelemetry } from './telemetry.js';

/** What a service has before anything of its own is made. */
export interface Frame {
  service: ServiceName;
  /** Stable name of this process. */
  instanceId: string;
  clock: Clock;
  logger: Logger;
  health: Health;
  /** What is opened is added here, closed in reverse order at the end or when the start fails. */
  closers: Closers;
}

/**
 * The frame around every service's start: telemetry, a server that listens, an orderly end, also of half a start.
 * @param shared what the services of one process have in common
 * @param assemble makes the service; its app listens once this has resolved
 */
export async function startService(
  service: ServiceName,
  env: EnvOf<EnvSpec<typeof baseEnv>> & { PORT: number },
  shared: { clock?: Clock | undefined; logger?: Logger | undefined },
  assemble: (frame: Frame) => Promise<NestFastifyApplication>,
): Promise<RunningService> {
  const logger = shared.logger?.child({ service }) ?? createLogger({ service, level: env.LOG_LEVEL });
  const [health, closers] = [new Health(), new Closers()];
  const close = () =>
    closers.closeAll((name, error) => logger.error({ err: error, name }, 'did not close cleanly'));
  try {
    closers.add('telemetry', await startTelemetry(service, env, logger));
    const app = await assemble({
      service,
      instanceId: env.MORTISE_INSTANCE_ID ?? `${service}-${newId()}`,
      clock: shared.clock ?? systemClock,
      logger,
      health,
      closers,
    });
    closers.add('readiness', () => health.drain());
    await app.listen(env.PORT, env.HOST);
    const url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
    logger.info({ url }, 'listening');
    return { name: service, url, close };
  } catch (error) {
    await close();
    throw error;
  }
}
