import type { Received } from '@mortise/bus';
import { headers, triggerKinds, type FieldError, type TriggerKind } from '@mortise/contracts';
import { AppError, parseJsonBody, toInstance } from '@mortise/service-kit';
import { validateSync } from 'class-validator';

/** An interactive execute command, read from its record's headers. */
export interface ExecuteHeaders {
  executionId: string;
  tenantId: string;
  installationId: string;
  revision: number | undefined;
  deadline: number;
  acceptedAt: string;
  trigger: TriggerKind;
  triggerName: string | undefined;
  causationId: string | undefined;
  causationDepth: number;
  chainId: string | undefined;
  traceparent: string | undefined;
}

const text = (record: Received, name: string): string => {
  const value = record.headers[name];
  if (!value) throw new AppError('MESSAGE_UNDECODABLE', { reason: `the header ${name} is missing` });
  return value;
};

/** @throws AppError MESSAGE_UNDECODABLE */
export function readExecute(record: Received): ExecuteHeaders {
  const trigger = triggerKinds.find((kind) => kind === record.headers[headers.trigger]);
  const deadline = Number(text(record, headers.deadline));
  const acceptedAt = text(record, headers.acceptedAt);
  if (!trigger || !Number.isFinite(deadline) || Number.isNaN(Date.parse(acceptedAt)))
    throw new AppError('MESSAGE_UNDECODABLE', { reason: 'a header of the execute command is malformed' });
  const revision = record.headers[headers.revision];
  return {
    executionId: text(record, headers.executionId),
    tenantId: text(record, headers.tenantId),
    installationId: text(record, headers.installationId),
    revision: revision === undefined ? undefined : Number(revision),
    deadline,
    acceptedAt,
    trigger,
    triggerName: record.headers[headers.triggerName],
    causationId: record.headers[headers.causationId],
    causationDepth: Number(record.headers[headers.causationDepth] ?? 0),
    chainId: record.headers[headers.chainId],
    traceparent: record.headers[headers.traceparent],
  };
}

export interface Body {
  function: string | undefined;
  input: unknown;
  context: Record<string, unknown> | undefined;
}

/**
 * What the caller sent, untouched until here.
 * @throws AppError INVALID_JSON, JSON_TOO_DEEP, INVALID_REQUEST
 */
export function readBody(value: Buffer | null): Body {
  const body = parseJsonBody(value?.toString('utf8') ?? '') ?? {};
  if (!isObject(body)) throw invalid([{ pointer: '', message: 'must be an object' }]);
  const { function: name, input, context } = body;
  const errors: FieldError[] = [];
  if (name !== undefined && name !== null && typeof name !== 'string')
    errors.push({ pointer: '/function', message: 'must be a string' });
  if (context !== undefined && context !== null && !isObject(context))
    errors.push({ pointer: '/context', message: 'must be an object' });
  if (errors.length > 0) throw invalid(errors);
  return {
    function: typeof name === 'string' ? name : undefined,
    input: input ?? {},
    context: isObject(context) ? context : undefined,
  };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const invalid = (errors: FieldError[]) => new AppError('INVALID_REQUEST', {}, { errors });

/**
 * The value of a cancel or inspect command.
 * @throws AppError MESSAGE_UNDECODABLE
 */
export function readCommand<T extends object>(type: new () => T, record: Received): T {
  const undecodable = (reason: string) => new AppError('MESSAGE_UNDECODABLE', { reason });
  let parsed: unknown;
  try {
    parsed = JSON.parse(record.value?.toString('utf8') ?? 'null');
  } catch {
    throw undecodable('the value is not JSON');
  }
  if (!isObject(parsed)) throw undecodable('the value is not a JSON object');
  const command = toInstance(type, parsed);
  const [error] = validateSync(command);
  if (error) throw undecodable(`${error.property} is not valid`);
  return command;
}
