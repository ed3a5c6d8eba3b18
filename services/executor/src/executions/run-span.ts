import type { TriggerKind } from '@mortise/contracts';
import type { SandboxResult } from '@mortise/sandbox';
import { isSampled, tracers, type Span } from '@mortise/service-kit';
import type { Conclusion } from './conclude.js';
import type { RunRequest } from './request.js';

// What the semantic conventions of functions call our triggers.
const faasTriggers: Partial<Record<TriggerKind, string>> = {
  call: 'http',
  route: 'http',
  event: 'pubsub',
  job: 'timer',
};

/** The span of a run in the sandbox, when its command is traced. */
export function startRunSpan(request: RunRequest): Span | undefined {
  const tracer = tracers.executor;
  if (!tracer || !isSampled(request.traceparent)) return undefined;
  const { installation, function: name } = request.admitted;
  return tracer.start(`plugin.execute ${installation.publisher}/${installation.slug}`, {
    kind: 'internal',
    parent: request.traceparent,
    attributes: {
      'faas.invocation_id': request.executionId,
      'faas.name': name,
      'faas.version': installation.version,
      'faas.trigger': faasTriggers[request.trigger] ?? 'other',
      'tenant.id': installation.tenantId,
      'mortise.installation.id': installation.installationId,
      'mortise.plugin.id': installation.pluginId,
      'mortise.execution.attempt': request.attempt,
    },
  });
}

/** Ends it with the outcome; a plugin's own failure is an error of the run. */
export function endRunSpan(
  span: Span | undefined,
  { status, error }: Conclusion,
  { usage }: SandboxResult,
): void {
  if (!span) return;
  span.set({
    'mortise.execution.status': status,
    'mortise.execution.cpu_ms': usage.cpuMs,
    'mortise.execution.peak_heap_mb': usage.peakHeapMb,
    'mortise.execution.host_calls': usage.hostCalls,
  });
  // The plugin's own words may quote what it was given: the record of the execution has them, a trace does not.
  span.end(status === 'succeeded' ? undefined : (error?.code ?? status));
}
