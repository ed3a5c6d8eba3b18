import {
  ExecuteCommand,
  ExecutionData,
  ExecutionError,
  ExecutionLogData,
  ExecutionUsage,
  InstallationStateData,
  LogLine,
} from '@mortise/contracts';
import { validateSync } from 'class-validator';
import { describe, expect, it } from 'vitest';
import { quickCheck } from './quick-check.js';
import { toPayload } from './payload.js';

const id = '01a1fc83-ecdc-7aa0-b849-cfa3e0390102';
const at = '2026-11-21T05:11:06.718Z';
const step = {
  executionId: id,
  tenantId: id,
  installationId: id,
  pluginId: id,
  version: '1.0.0',
  function: 'run',
  trigger: 'call',
  status: 'succeeded',
  attempt: 1,
  acceptedAt: at,
};
const usage = { cpuMs: 1, wallMs: 1.5, peakHeapMb: 0.7, hostCalls: 0, bytesIn: 1, bytesOut: 2 };
const nested: Record<string, new () => object> = {
  error: ExecutionError,
  usage: ExecutionUsage,
  lines: LogLine,
};
const classOf = (_class: unknown, property: string) => nested[property];

const make = (payloadClass: new () => object, plain: Record<string, unknown>): object => {
  const of = (value: unknown, nestedClass: new () => object): unknown =>
    Array.isArray(value)
      ? value.map((item) => of(item, nestedClass))
      : typeof value === 'object' && value !== null
        ? Object.assign(new nestedClass(), value)
        : value;
  return Object.assign(
    new payloadClass(),
    Object.fromEntries(
      Object.entries(plain).map(([name, value]) => [name, nested[name] ? of(value, nested[name]) : value]),
    ),
  );
};

describe('the quick check of a payload', () => {
  it.each([
    [ExecutionData, step],
    [ExecutionData, { ...step, usage, result: '1', startedAt: at, causationId: 'e' }],
    [ExecutionData, { ...step, error: { code: 'X', message: 'y', details: { constructor: 1 } } }],
    [
      ExecutionLogData,
      {
        executionId: id,
        tenantId: id,
        installationId: id,
        lines: [{ at, sequence: 0, level: 'info', message: 'm' }],
      },
    ],
    [
      ExecuteCommand,
      { executionId: id, tenantId: id, installationId: id, acceptedAt: at, trigger: 'job', attempt: 1 },
    ],
  ])('takes what class-validator takes: %o %#', (payloadClass, plain) => {
    const payload = make(payloadClass, plain);

    expect(validateSync(payload)).toEqual([]);
    expect(quickCheck(payloadClass, classOf)(payload)).toBe(true);
  });

  it.each([
    [ExecutionData, { ...step, executionId: 'x' }],
    [ExecutionData, { ...step, attempt: 0 }],
    [ExecutionData, { ...step, attempt: '1' }],
    [ExecutionData, { ...step, status: 'done' }],
    [ExecutionData, { ...step, acceptedAt: undefined }],
    [ExecutionData, { ...step, usage: { ...usage, cpuMs: 'a' } }],
    [ExecutionData, { ...step, usage: 7 }],
    [ExecutionData, { ...step, error: [] as unknown[], usage: [1] }],
    [ExecutionLogData, { executionId: id, tenantId: id, installationId: id, lines: 'none' }],
    [
      ExecutionLogData,
      {
        executionId: id,
        tenantId: id,
        installationId: id,
        lines: [{ at, sequence: -1, level: 'info', message: 'm' }],
      },
    ],
    [InstallationStateData, { ...step, requested: [1] }],
  ])('takes nothing that class-validator refuses: %o %#', (payloadClass, plain) => {
    const payload = make(payloadClass, plain);

    expect(validateSync(payload)).not.toEqual([]);
    expect(quickCheck(payloadClass, classOf)(payload)).toBe(false);
  });

  it('leaves the words of a refusal to class-validator', () => {
    expect(toPayload(ExecutionData, { ...step, attempt: 0 })).toEqual({
      ok: false,
      reason: '/attempt: attempt must not be less than 1',
    });
    expect(toPayload(ExecutionData, step).ok).toBe(true);
  });
});
