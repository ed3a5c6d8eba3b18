import type { ServiceName } from '@mortise/contracts';
import type { Logger } from './logger.js';
import { startMetrics } from './metrics.js';
import { watchProcess } from './process-metrics.js';
import { startTracing, type TracingEnv } from './tracing/start.js';

watchProcess();

/**
 * Serves the metrics and sends the traces of a service. First of all in its `start`: what is made later asks whether
 * there is tracing.
 * @returns what stops both
 */
export async function startTelemetry(
  service: ServiceName,
  env: TracingEnv & { METRICS_PORT: number; HOST: string },
  logger: Logger,
): Promise<() => Promise<void>> {
  const stopMetrics = await startMetrics(env.METRICS_PORT, env.HOST);
  const stopTracing = await startTracing(service, env, logger);
  return async () => {
    await stopTracing();
    await stopMetrics();
  };
}
