import 'reflect-metadata';

export { AppError, type AppErrorExtra } from './app-error.js';
export { Batcher } from './batcher.js';
export { systemClock, type Clock } from './clock.js';
export { derivedId, newId } from './ids.js';
export { folderTrouble, makeFolder } from './folder.js';
export { nestedClass, toInstance } from './instance.js';
export { field, type Field } from './env/fields.js';
export { baseEnv } from './env/base.js';
export {
  defineEnv,
  describeEnv,
  EnvError,
  loadEnv,
  processEnvironment,
  type EnvOf,
  type EnvRow,
  type EnvSpec,
} from './env/load.js';
export { createLogger, nestLogger, type Logger } from './logger.js';
export { Health, type HealthReport } from './health.js';
export { metrics, scrape } from './metrics.js';
export { metricTable, type MetricRow } from './metrics-table.js';
export { startTelemetry } from './telemetry.js';
export { isSampled, traceparentOf } from './tracing/trace-context.js';
export {
  currentTraceparent,
  inTrace,
  tracers,
  type Span,
  type SpanOptions,
  type Tracer,
} from './tracing/tracer.js';
export { closeOnSignal, Closers, fail, runService, type RunningService } from './shutdown.js';
export { startService, type Frame } from './start-service.js';
export { buildHttpApp, closeHttpApp, type HttpAppOptions } from './http/app.js';
export { authorise, type Authenticate } from './http/guard.js';
export { assertRoutesHandled, Caller, handledRoute, Handles } from './http/handles.js';
export { parseJsonBody } from './http/json-body.js';
export { principalHeader, signPrincipal, verifyPrincipal } from './http/principal.js';
export { sendProblem, toAppError } from './http/problem-filter.js';
export { lifecycleHeader, traceIdOf } from './http/request.js';
export { toChecked } from './http/validation.js';
export { troubleBehind } from './http/behind.js';
