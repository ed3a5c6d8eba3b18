import type { ExecutionError, InteractiveReply, OlderExecuteAnswer, Outcome } from '@mortise/contracts';

type Word = OlderExecuteAnswer['status'];

const words: Record<Outcome, Word> = {
  succeeded: 'success',
  failed: 'error',
  dead_lettered: 'error',
  timed_out: 'timeout',
  out_of_memory: 'error',
  cancelled: 'error',
  denied: 'error',
  security_violation: 'security_violation',
};

/** `{success: true, result}` or `{success: false, error}` and nothing else: how the oldest plugins answer. */
function unwrapped(result: unknown): { status: Word; result: unknown; error?: unknown } {
  if (typeof result === 'object' && result !== null && 'success' in result) {
    const others = Object.keys(result).filter((name) => name !== 'success');
    if (result.success === true && others.every((name) => name === 'result'))
      return { status: 'success', result: 'result' in result ? result.result : null };
    if (result.success === false && 'error' in result && others.length === 1)
      return { status: 'error', result: null, error: result.error };
  }
  return { status: 'success', result };
}

/** @param reply any outcome but a refusal, which is a problem in every shape */
export function olderAnswer(
  executionId: string,
  reply: Exclude<InteractiveReply, { status: 'refused' }>,
): OlderExecuteAnswer {
  const tail = { execution_time_ms: reply.durationMs, execution_id: executionId };
  if (reply.status === 'succeeded') return { ...unwrapped(JSON.parse(reply.result)), ...tail };
  const { code, message }: ExecutionError = reply.error;
  return { status: words[reply.status], result: null, error: { code, message }, ...tail };
}
