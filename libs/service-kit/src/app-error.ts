import { errorDefinition, fillText, type ErrorCode, type FieldError, type Problem } from '@mortise/contracts';

export interface AppErrorExtra {
  errors?: FieldError[];
  cause?: unknown;
}

/** An error of the table in contracts. Details fill the text's placeholders and are shown to the caller. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly errors?: FieldError[];

  /** @param details safe to show: never a secret, a path of this machine or another tenant's data */
  constructor(
    readonly code: ErrorCode,
    readonly details: Record<string, unknown> = {},
    extra: AppErrorExtra = {},
  ) {
    super(
      fillText(errorDefinition(code).text, details),
      extra.cause === undefined ? undefined : { cause: extra.cause },
    );
    if (extra.errors) this.errors = extra.errors;
  }

  get status(): number {
    return errorDefinition(this.code).status;
  }

  /** False: the same message will never succeed, so a bus handler's error goes to the dead letters at once. */
  get retry(): boolean {
    return errorDefinition(this.code).retry;
  }

  toProblem(instance?: string, traceId?: string): Problem {
    return {
      type: `urn:mortise:error:${this.code}`,
      title: this.code,
      status: this.status,
      detail: this.message,
      ...(instance === undefined ? {} : { instance }),
      code: this.code,
      ...(this.errors ? { errors: this.errors } : {}),
      ...(traceId === undefined ? {} : { traceId }),
      ...(Object.keys(this.details).length > 0 ? { details: this.details } : {}),
    };
  }
}
