import type { FieldError } from '@mortise/contracts';

export type CheckedConfig =
  { ok: true; config: Record<string, unknown> } | { ok: false; errors: FieldError[] };

export declare function validateConfig(schema: object | undefined, config: unknown): CheckedConfig;
