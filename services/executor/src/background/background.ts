import { setTimeout as delay } from 'node:timers/promises';
import { decodeEvent, type Bus, type BusRecord, type Received, type States } from '@mortise/bus';
import {
  effectiveLimits,
  ExecuteInBackground,
  type ExecuteCommand,
  type ExecutionData,
  type InstallationStateData,
} from '@mortise/contracts';
import { AppError, Batcher, type Clock, type Logger } from '@mortise/service-kit';
import { charge } from '../executions/charge.js';
import { admit } from '../executions/admission.js';
import { checksInput, type InputCheck } from '../executions/input-check.js';
import type { Reporter } from '../executions/reporter.js';
import type { RunRequest } from '../executions/request.js';
import type { Runner } from '../executions/runner.js';
import type { CpuShare } from '../lanes/cpu-share.js';
import type { Lanes, Turn } from '../lanes/lanes.js';
import type { Pace } from '../lanes/pace.js';
import type { Deferrals, Queued } from './deferrals.js';
import type { Finisher } from './finisher.js';
import type { Leases } from './leases.js';
import { laneOf, OrderedLanes } from './ordered.js';
import { refusedData } from './refused.js';
import { nextAttemptIn, retryRule } from './retry.js';
import { keyOf, type Claim, type RunOwner, type Runs } from './runs.js';

const revisionWithinMs = 10_000;
/** How often a run that another process holds is looked at again. */
const heldPollMs = 1_000;

export interface BackgroundParts {
  states: States;
  inputs: InputCheck;
  lanes: Lanes;
  cpuShare: CpuShare;
  pace: Pace;
  deferrals: Deferrals;
  runner: Runner;
  reporter: Reporter;
  runs: Runs;
  finisher: Finisher;
  leases: Leases;
  clock: Clock;
  logger: Logger;
}

interface Ended {
  data: ExecutionData;
  evidence: BusRecord[];
}

/** Runs that nobody waits for: claimed before they start, their outcome written before it is told. */
export class Background {
  private readonly claims: Batcher<RunOwner, Claim>;
  private readonly here = new Map<string, Promise<void>>();
  private readonly ordered = new OrderedLanes();
  private readonly stop = new AbortController();

  constructor(private readonly parts: BackgroundParts) {
    this.claims = new Batcher((runs: RunOwner[]) => parts.runs.claim(runs));
  }

  consume(bus: Bus, maxInFlight: number): void {
    bus.consume({
      topic: 'executions.background',
      group: 'executor',
      ordering: 'none',
      maxInFlight,
      handler: (record) => this.handle(record),
    });
  }

  /** Ends the waiting for runs of other processes: their commands stay on the bus. */
  close(): void {
    this.stop.abort();
    this.parts.pace.close();
  }

  /** A command is finished when its outcome is durable and told. */
  async handle(record: Received): Promise<void> {
    const entry = this.parts.pace.enter();
    if (entry) await entry;
    const { data: command, traceparent } = decodeEvent(ExecuteInBackground, record);
    const key = keyOf(command);
    // Delivered twice at once: the second waits for the first, a batch of claims never names one run twice.
    for (let other = this.here.get(key); other; other = this.here.get(key)) await other.catch(() => {});
    const order = laneOf(this.parts.states.installations.get(command.installationId), command);
    const work = this.ordered
      .run(order, () => this.work({ command, traceparent }, order !== undefined))
      .finally(() => this.here.delete(key));
    this.here.set(key, work);
    await work;
  }

  private async work(queued: Queued, keepsOrder: boolean): Promise<void> {
    const { command } = queued;
    await this.caughtUp(command);
    for (;;) {
      const turn = await this.turn(command, keepsOrder);
      if ('deferMs' in turn) return this.parts.deferrals.defer(queued, turn.deferMs);
      const heldForMs = await this.take(queued, turn);
      if (heldForMs === undefined) {
        const { tenantId } = command;
        return this.parts.deferrals.served(tenantId, this.parts.lanes.waitingInBackground(tenantId));
      }
      await delay(Math.min(heldForMs + 20, heldPollMs), undefined, { signal: this.stop.signal });
    }
  }

  /** Or how long it has to be put off: the tenant has enough waiting, or the installation used its processor time. */
  private async turn(command: ExecuteCommand, keepsOrder: boolean): Promise<Turn | { deferMs: number }> {
    const { tenantId, installationId } = command;
    const installation = this.parts.states.installations.get(installationId);
    const { concurrency, cpuPercent } = effectiveLimits(installation?.limits ?? {}, 'task');
    const over = this.parts.cpuShare.over(installationId, cpuPercent);
    if (over && !keepsOrder) return { deferMs: over.waitMs };
    if (over) await delay(over.waitMs, undefined, { signal: this.stop.signal });
    const turn = this.parts.lanes.background({ tenantId, installationId, concurrency }, keepsOrder);
    return 'limit' in turn ? { deferMs: 0 } : turn;
  }

  /** @returns for how long another process still holds the run, or undefined when it is done */
  private async take(queued: Queued, turn: Turn): Promise<number | undefined> {
    const claim = await this.claim(queued.command).catch((error: unknown) => {
      turn.end(0);
      throw error;
    });
    if (claim.kind === 'won') {
      await this.runClaimed(queued, claim.fence, turn);
      return undefined;
    }
    turn.end(0);
    if (claim.kind === 'held') return claim.leftMs;
    await this.parts.reporter.step(claim.outcome, queued.traceparent);
    return undefined;
  }

  /** Won means held as well. */
  private async claim({ executionId, attempt, tenantId, installationId }: ExecuteCommand): Promise<Claim> {
    const askedAtMs = performance.now();
    const claim = await this.claims.add({ executionId, attempt, tenantId, installationId });
    if (claim.kind !== 'won') return claim;
    const isHeld = await this.parts.leases.hold({ executionId, attempt, fence: claim.fence }, askedAtMs);
    return isHeld ? claim : { kind: 'held', leftMs: 0 };
  }

  private async runClaimed(queued: Queued, fence: number, turn: Turn): Promise<void> {
    const { executionId, attempt } = queued.command;
    const held = { executionId, attempt, fence };
    try {
      const ended = await this.runInTurn(queued, turn).catch(async (error: unknown) => {
        await this.parts.runs.release(held);
        throw error;
      });
      await this.finish(queued, fence, ended);
    } finally {
      this.parts.leases.drop(held);
    }
  }

  /** The turn is over with the run: while its outcome is written and told the next one may run. */
  private async runInTurn(queued: Queued, turn: Turn): Promise<Ended> {
    let cpuMs = 0;
    try {
      const ended = await this.run(queued, turn);
      cpuMs = ended.data.usage?.cpuMs ?? 0;
      return ended;
    } finally {
      turn.end(cpuMs);
    }
  }

  private async caughtUp({ installationId, revision }: ExecuteCommand): Promise<void> {
    const { installations, plugins } = this.parts.states;
    await Promise.all([installations.caughtUp, plugins.caughtUp]);
    if (revision === undefined || (await installations.waitFor(installationId, revision, revisionWithinMs)))
      return;
    throw new AppError('UNAVAILABLE', { what: `Revision ${revision} of the installation` });
  }

  private async run({ command, traceparent }: Queued, turn: Turn): Promise<Ended> {
    const { states, inputs, runner, cpuShare, clock } = this.parts;
    const refused = (refusal: Parameters<typeof refusedData>[2]): Ended => ({
      data: refusedData(command, states.installations.get(command.installationId), refusal, clock.now()),
      evidence: [],
    });
    const admission = admit(states, { ...command, function: command.function });
    if (!admission.ok) return refused(admission.refusal);
    const { admitted } = admission;
    const input = command.input ?? {};
    const schema = checksInput(command.trigger) ? admitted.declared.input : undefined;
    const errors = schema
      ? inputs.errors(admitted.installation.digest, admitted.function, schema, input)
      : [];
    if (errors.length > 0) return refused({ code: 'INPUT_INVALID', errors });
    const request: RunRequest = {
      executionId: command.executionId,
      admitted,
      trigger: command.trigger,
      triggerName: command.triggerName,
      attempt: command.attempt,
      acceptedAt: command.acceptedAt,
      input: JSON.stringify(input),
      context: command.context,
      causationId: command.causationId,
      causationDepth: command.causationDepth ?? 0,
      chainId: command.chainId,
      traceparent,
    };
    const attempted = await runner.run(request, turn);
    if (attempted.kind !== 'done') throw new AppError('NO_CAPACITY');
    attempted.evidence.push(...charge(cpuShare, request, attempted));
    return attempted;
  }

  private async finish(queued: Queued, fence: number, { data, evidence }: Ended): Promise<void> {
    const { command, traceparent } = queued;
    const { states, clock, finisher, reporter, logger } = this.parts;
    const outcome = retried(data, states.installations.get(command.installationId), clock.now());
    const next = outcome.nextAttemptAt && {
      command: { ...command, attempt: outcome.attempt },
      dueAt: Date.parse(outcome.nextAttemptAt),
      traceparent,
    };
    const { executionId, attempt } = command;
    if (!(await finisher.finish({ executionId, attempt, fence, outcome, ...(next && { next }) }))) {
      logger.warn(
        { executionId, attempt, fence },
        'outcome refused: the run belongs to another process by now',
      );
      return;
    }
    await Promise.all([
      reporter.step(outcome, traceparent),
      ...evidence.map((record) => reporter.send(record)),
    ]);
  }
}

/** A failed attempt that will be tried again is `queued` again, with the error and the time of the next attempt. */
function retried(
  data: ExecutionData,
  installation: InstallationStateData | undefined,
  nowMs: number,
): ExecutionData {
  const rule = installation && retryRule(installation, data);
  const waitMs = nextAttemptIn(rule, data.status, data.attempt);
  if (waitMs === undefined) return data;
  return {
    ...data,
    status: 'queued',
    attempt: data.attempt + 1,
    nextAttemptAt: new Date(nowMs + waitMs).toISOString(),
  };
}
