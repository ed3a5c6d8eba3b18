import type { Bus } from '@mortise/bus';
import {
  CapabilityError,
  type ExecutionScope,
  type PluginCall,
  type PluginCalls,
} from '@mortise/capabilities';
import { Control, decodeReply, encodeExecute, type InteractiveReply } from '@mortise/contracts';
import { AppError, newId, type Clock, type Logger } from '@mortise/service-kit';
import type { Running } from '../executions/running.js';
import type { Installed } from './installed.js';

/** What is left of the caller's time for its own answer. */
const answerMs = 20;

export interface PluginCallParts {
  bus: Bus;
  installed: Installed;
  running: Running;
  clock: Clock;
  logger: Logger;
}

/**
 * One plugin calls another's function: an interactive execution like any other, with a record of its own, run wherever
 * the other's isolates are warm. It has the caller's deadline and ends with it.
 */
export class BusPluginCalls implements PluginCalls {
  constructor(private readonly parts: PluginCallParts) {}

  async call(by: ExecutionScope, call: PluginCall): Promise<string> {
    const { bus, installed, running, clock } = this.parts;
    const target = installed.find(by.tenantId, call.plugin);
    if (!target) throw new CapabilityError('PLUGIN_NOT_FOUND', `No plugin ${call.plugin} is installed here`);
    const executionId = newId();
    const deadline = by.deadline - answerMs;
    const record = encodeExecute({
      executionId,
      tenantId: by.tenantId,
      installationId: target.installationId,
      deadline,
      acceptedAt: new Date(clock.now()).toISOString(),
      trigger: 'plugin',
      triggerName: `${by.installation.publisher}/${by.installation.slug}`,
      traceparent: by.traceparent,
      causationId: by.executionId,
      causationDepth: by.causationDepth + 1,
      chainId: by.chainId,
      body: `{"function":${JSON.stringify(call.function)},"input":${call.input}}`,
    });
    const stop = () => this.stop(executionId);
    by.signal.addEventListener('abort', stop, { once: true });
    try {
      const asked = () => bus.request(record, { deadline }).then(decodeReply);
      return resultOf(await running.waiting(by.executionId, asked), executionId);
    } catch (error) {
      if (error instanceof AppError && error.code === 'DEADLINE_EXCEEDED')
        throw new CapabilityError('NO_ANSWER', `${call.plugin} has not answered in time`, { executionId });
      throw error;
    } finally {
      by.signal.removeEventListener('abort', stop);
    }
  }

  private stop(executionId: string): void {
    const { bus, logger } = this.parts;
    bus
      .publish(Control, { action: 'kill', target: executionId, reason: 'cancelled' })
      .catch((err: unknown) => {
        logger.warn({ err, executionId }, 'a call of a plugin outlives its caller until its own deadline');
      });
  }
}

/** What the caller learns: the result, why the call was refused, or the other plugin's own error under its code. */
function resultOf(reply: InteractiveReply, executionId: string): string {
  if (reply.status === 'succeeded') return reply.result;
  if (reply.status === 'refused') {
    const { code, details } = reply.refusal;
    throw new CapabilityError(code, new AppError(code, details).message, { ...details, executionId });
  }
  const { status, error } = reply;
  const cause = { status, code: error.code, message: error.message };
  throw new CapabilityError(
    'PLUGIN_CALL_FAILED',
    `The called function ended as ${status}: ${error.message}`,
    {
      executionId,
      cause,
    },
  );
}
