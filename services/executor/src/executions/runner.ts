import type { BusRecord, States } from '@mortise/bus';
import {
  newMeter,
  type CapabilityHost,
  type ExecutionScope,
  type Meter,
  type Redactor,
} from '@mortise/capabilities';
import type { ExecutionData, InstallationStateData } from '@mortise/contracts';
import type { Kill, Sandbox, SandboxResult } from '@mortise/sandbox';
import { AppError, metrics, type Clock, type Logger } from '@mortise/service-kit';
import type { Turn } from '../lanes/lanes.js';
import type { SourceMaps } from '../packages/source-maps.js';
import type { PackageSource, Sources } from '../packages/sources.js';
import { conclude, ended, executionError, type Conclusion } from './conclude.js';
import { contextText } from './context.js';
import { Ending } from './ending.js';
import { Evidence } from './evidence.js';
import { LogBuffer } from './log-buffer.js';
import type { Reporter } from './reporter.js';
import type { TenantCpu } from '../sandbox/tenant-cpu.js';
import type { SecretCache } from '../secrets/secret-cache.js';
import { baseData, type RunRequest } from './request.js';
import { endRunSpan, startRunSpan } from './run-span.js';
import type { Run, Running } from './running.js';
import { cordonOf, unitKey, type Cordon } from './unit.js';

/** A run shorter than this has no `execution.started` of its own: the outcome says when it started. */
const startedAfterMs = 1_000;
const duration = metrics.histogram('mortise_execution_duration_seconds');
const executions = metrics.counter('mortise_executions_total');

export interface RunnerParts {
  sandbox: Sandbox;
  host: CapabilityHost;
  secrets: SecretCache;
  sources: Sources;
  maps: SourceMaps;
  states: States;
  running: Running;
  reporter: Reporter;
  clock: Clock;
  logger: Logger;
  cordon: Cordon;
  tenantCpu: TenantCpu;
}

/** A run that ended: its outcome, and what else it gave to tell. */
export interface Done {
  kind: 'done';
  data: ExecutionData;
  durationMs: number;
  evidence: BusRecord[];
  /** W3C trace context of the command. */
  traceparent: string | undefined;
}
export type Attempted = Done | { kind: 'expired' };

/** What a run's calls of ctx are made with. */
interface Surroundings {
  redactor: Redactor;
  evidence: Evidence;
  deadline: number;
  ending: Ending;
  traceparent: string | undefined;
}

/** Runs one function of one installation: the only way into the sandbox. */
export class Runner {
  constructor(private readonly parts: RunnerParts) {}

  /**
   * @param turn leave to run; ended by the caller
   * @throws AppError when the platform itself fails: then nothing of the plugin has run
   */
  async run(request: RunRequest, turn: Turn | Promise<Turn>): Promise<Attempted> {
    const { running } = this.parts;
    const { installationId, tenantId, digest } = request.admitted.installation;
    const run: Run = { executionId: request.executionId, installationId, tenantId, digest };
    running.add(run);
    try {
      run.turn = turn instanceof Promise ? await turn : turn;
      return await this.start(request, run);
    } finally {
      running.delete(run);
    }
  }

  private async start(request: RunRequest, run: Run): Promise<Attempted> {
    const { sources, clock } = this.parts;
    const { installation, limits } = request.admitted;
    const source = await sources.load(installation.digest, installation.main).catch(alteredOr);
    const startedAt = clock.now();
    if (source instanceof AppError) return this.altered(request, startedAt, source);
    // Killed while it waited: nothing of it has run.
    if (run.killed) return this.done(request, startedAt, ended(run.killed), undefined, []);
    const deadline = Math.min(
      request.deadline ?? Infinity,
      (request.deadline === undefined ? startedAt : Date.parse(request.acceptedAt)) + limits.timeoutMs,
    );
    if (deadline <= startedAt) return { kind: 'expired' };

    const redactor = this.parts.secrets.redactor(installation.installationId);
    const evidence = new Evidence();
    const logs = this.logsOf(request, redactor);
    const span = startRunSpan(request);
    const ending = new Ending();
    const scope = this.scopeOf(request, {
      redactor,
      evidence,
      deadline,
      ending,
      traceparent: span?.traceparent ?? request.traceparent,
    });
    const announce = setTimeout(() => this.announce(request, startedAt), startedAfterMs);
    try {
      const sandboxed = await this.parts.sandbox.invoke({
        executionId: request.executionId,
        unit: {
          key: unitKey(installation),
          tenantId: installation.tenantId,
          digest: installation.digest,
          cordon: cordonOf(installation, this.parts.cordon),
          isolation: installation.isolation,
          source,
        },
        handler: request.admitted.handler,
        input: request.input,
        context: contextText(request, deadline),
        limits,
        deadline,
        idempotent: request.admitted.declared.idempotent ?? false,
        host: (op, args) => this.parts.host.call(scope, op, args),
        log: (line) => logs.write(line),
        killed: (kill) => this.killedLater(request, startedAt, kill),
      });
      const result = this.withSources(withNetwork(sandboxed, scope.meter), source);
      evidence.outcome(request, result);
      const conclusion = conclude(result, run.killed, redactor);
      endRunSpan(span, conclusion, result);
      return this.done(request, startedAt, conclusion, result, evidence.records(request, clock));
    } catch (error) {
      span?.end(error);
      throw error;
    } finally {
      ending.come();
      clearTimeout(announce);
      logs.flush();
    }
  }

  /** The store has something else in the package's place: said as an outcome, so that it is on record. */
  private altered(request: RunRequest, startedAt: number, { details }: AppError): Done {
    const { clock, logger } = this.parts;
    const evidence = new Evidence();
    evidence.altered(String(details.found));
    logger.error({ ...details, executionId: request.executionId }, 'a stored package was altered');
    const conclusion: Conclusion = { status: 'denied', error: executionError('INTEGRITY', details) };
    return this.done(request, startedAt, conclusion, undefined, evidence.records(request, clock));
  }

  /** The run is on record already; that its worker had to die for it counts all the same. */
  private killedLater(request: RunRequest, startedAt: number, kill: Kill): void {
    const { clock, reporter, logger } = this.parts;
    const evidence = new Evidence();
    evidence.killed(kill, clock.now() - startedAt);
    Promise.all(evidence.records(request, clock).map((record) => reporter.send(record))).catch(
      (error: unknown) => {
        logger.warn({ err: error, executionId: request.executionId }, 'evidence of a kill not published');
      },
    );
  }

  /** An error names the author's own lines. */
  private withSources(result: SandboxResult, source: PackageSource): SandboxResult {
    const { error } = result;
    if (error?.stack === undefined) return result;
    return { ...result, error: { ...error, stack: this.parts.maps.mapped(error.stack, source) } };
  }

  private done(
    request: RunRequest,
    startedAt: number,
    conclusion: Conclusion,
    result: SandboxResult | undefined,
    evidence: BusRecord[],
  ): Done {
    const finishedAt = this.parts.clock.now();
    const lane = request.deadline === undefined ? 'background' : 'interactive';
    duration.record((finishedAt - startedAt) / 1_000, { lane });
    if (result) this.parts.tenantCpu.add(request.admitted.installation.tenantId, result.usage.cpuMs);
    executions.add(1, { status: conclusion.status, lane, trigger: request.trigger });
    return {
      kind: 'done',
      durationMs: finishedAt - startedAt,
      evidence,
      traceparent: request.traceparent,
      data: {
        ...baseData(request),
        ...conclusion,
        startedAt: new Date(startedAt).toISOString(),
        finishedAt: new Date(finishedAt).toISOString(),
        ...(result && { usage: result.usage }),
      },
    };
  }

  private announce(request: RunRequest, startedAt: number): void {
    const data: ExecutionData = {
      ...baseData(request),
      status: 'running',
      startedAt: new Date(startedAt).toISOString(),
    };
    this.parts.reporter.step(data, request.traceparent).catch((error: unknown) => {
      this.parts.logger.warn(
        { err: error, executionId: request.executionId },
        'start of a run not published',
      );
    });
  }

  private logsOf(request: RunRequest, redactor: Redactor): LogBuffer {
    const { tenantId, installationId } = request.admitted.installation;
    const about = { executionId: request.executionId, tenantId, installationId };
    return new LogBuffer(this.parts.clock, redactor, (lines) => {
      this.parts.reporter.logs(about, lines, request.traceparent).catch((error: unknown) => {
        this.parts.logger.warn({ err: error, executionId: about.executionId }, 'log lines not published');
      });
    });
  }

  private scopeOf(
    request: RunRequest,
    { redactor, evidence, deadline, ending, traceparent }: Surroundings,
  ): ExecutionScope {
    const { installations } = this.parts.states;
    const { installation, limits } = request.admitted;
    return {
      executionId: request.executionId,
      tenantId: installation.tenantId,
      // Read at each call: a revoked grant ends at the next one.
      get installation(): InstallationStateData {
        return installations.get(installation.installationId) ?? installation;
      },
      limits,
      meter: newMeter(),
      attempt: request.attempt,
      causationDepth: request.causationDepth,
      ...(request.chainId !== undefined && { chainId: request.chainId }),
      deadline,
      get signal() {
        return ending.signal;
      },
      ...(traceparent !== undefined && { traceparent }),
      redactor,
      onDenied: (kind, permission) => {
        if (kind === 'security_violation') evidence.violation(permission);
      },
      onLimit: (limit, value, used) => evidence.limit({ limit, value, used }),
    };
  }
}

/** @returns the error that says so; throws any other */
function alteredOr(error: unknown): AppError {
  if (error instanceof AppError && error.code === 'INTEGRITY') return error;
  throw error;
}

/** What the sandbox cannot know: what the run used of the network. */
function withNetwork(result: SandboxResult, meter: Meter): SandboxResult {
  const { networkRequests, networkBytesIn, networkBytesOut } = meter;
  if (networkRequests === 0) return result;
  return { ...result, usage: { ...result.usage, networkRequests, networkBytesIn, networkBytesOut } };
}
