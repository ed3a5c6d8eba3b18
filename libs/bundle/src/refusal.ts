import type { ErrorCode, FieldError } from '@mortise/contracts';

/** Why something cannot be taken: a value, so that callers must look at it. */
export interface Refusal {
  ok: false;
  code: ErrorCode;
  /** Fills the error's text. */
  details?: Record<string, unknown>;
  /** Each wrong place with file, pointer, rule and, where there is one, line, column and frame. */
  errors: FieldError[];
}

/** Carries a refusal out of nested streams; never leaves this library. */
export class Refused extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.errors[0]?.message ?? refusal.code);
  }
}

/** A refusal with a single reason. */
export function refuse(code: ErrorCode, rule: string, reason: string, file?: string): Refused {
  return new Refused({
    ok: false,
    code,
    details: { reason: file === undefined ? reason : `${file}: ${reason}` },
    errors: [{ pointer: '', message: reason, rule, ...(file === undefined ? {} : { file }) }],
  });
}
