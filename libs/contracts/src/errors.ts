export interface ErrorDefinition {
  /** HTTP status of the problem answer. */
  status: number;
  /** May the same request succeed later, unchanged? For bus handlers: false goes to the dead letters at once. */
  retry: boolean;
  /** Sentence with {placeholders} filled from the error's details. */
  text: string;
}

/** Every error the platform answers or stores: stable codes, never renamed. */
export const errors = {
  // requests
  INVALID_REQUEST: {
    status: 400,
    retry: false,
    text: 'The request is not valid: see errors[] for each place',
  },
  INVALID_JSON: { status: 400, retry: false, text: 'The body is not valid JSON: {reason}' },
  JSON_TOO_DEEP: { status: 400, retry: false, text: 'The JSON nests deeper than {limit} levels' },
  INVALID_CURSOR: {
    status: 400,
    retry: false,
    text: 'The cursor is not one this server gave out: start again without it',
  },
  BODY_TOO_LARGE: { status: 413, retry: false, text: 'The body is larger than {limit} bytes' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, retry: false, text: 'Send {expected}; this was {actual}' },
  NOT_FOUND: { status: 404, retry: false, text: 'There is nothing at {what}' },
  METHOD_NOT_ALLOWED: { status: 405, retry: false, text: '{method} is not allowed here; allowed: {allowed}' },
  PRECONDITION_REQUIRED: {
    status: 428,
    retry: false,
    text: 'Send If-Match with the ETag you read, so that no other change is lost',
  },
  PRECONDITION_FAILED: {
    status: 412,
    retry: false,
    text: 'It changed since you read it (now revision {revision}): read it again and retry',
  },
  CONFLICT: { status: 409, retry: false, text: '{reason}' },
  INTERNAL: {
    status: 500,
    retry: true,
    text: 'Something failed on our side; the trace id finds it in the log',
  },
  UNAVAILABLE: { status: 503, retry: true, text: '{what} is not available right now: retry' },
  NO_SPACE: {
    status: 507,
    retry: true,
    text: 'The server has no disk space left: nothing was stored; send it again once there is some',
  },
  NOT_SUPPORTED_YET: { status: 422, retry: false, text: '{what} is not supported yet' },
  // credentials
  UNAUTHENTICATED: { status: 401, retry: false, text: 'Send an API key: Authorization: Bearer mk_...' },
  INVALID_CREDENTIAL: { status: 401, retry: false, text: 'This API key is unknown, expired or revoked' },
  FORBIDDEN: { status: 403, retry: false, text: 'This credential lacks the right {right}' },
  TENANT_NOT_HELD: {
    status: 403,
    retry: false,
    text: 'This credential is not good for the tenant in X-Tenant-Slug',
  },
  API_KEY_NOT_FOUND: { status: 404, retry: false, text: 'No API key {id}' },
  TENANT_NOT_FOUND: { status: 404, retry: false, text: 'No tenant {tenant}' },
  TENANT_EXISTS: { status: 409, retry: false, text: 'A tenant with the slug {slug} exists' },
  // packages
  PACKAGE_INVALID: { status: 422, retry: false, text: 'The package cannot be read: {reason}' },
  PACKAGE_TOO_LARGE: { status: 413, retry: false, text: 'The package goes over a size limit: {reason}' },
  PACKAGE_FORBIDDEN_FILE: {
    status: 422,
    retry: false,
    text: 'The package holds something that is not allowed: {reason}',
  },
  MANIFEST_INVALID: {
    status: 422,
    retry: false,
    text: 'The manifest is not valid: see errors[] for each place',
  },
  MANIFEST_MISSING: {
    status: 422,
    retry: false,
    text: 'The package has no plugin.json or plugin.yaml at its root',
  },
  MAIN_INVALID: { status: 422, retry: false, text: 'The main file cannot be used: see errors[]' },
  CHECKSUM_MISMATCH: { status: 422, retry: false, text: 'The package is not the one the checksum names' },
  VERSION_EXISTS: {
    status: 409,
    retry: false,
    text: '{plugin} {version} exists with other bytes: versions are immutable, raise the version',
  },
  PUBLISHER_NOT_OWNED: {
    status: 403,
    retry: false,
    text: 'The publisher {publisher} belongs to another tenant',
  },
  NO_EXECUTOR: {
    status: 503,
    retry: true,
    text: 'No executor answered to check the package: nothing was stored, retry',
  },
  // plugins and installations
  PLUGIN_NOT_FOUND: { status: 404, retry: false, text: 'No plugin {plugin}' },
  PLUGIN_AMBIGUOUS: {
    status: 409,
    retry: false,
    text: 'Several plugins are called {plugin}: name one as publisher/slug',
  },
  VERSION_NOT_FOUND: { status: 404, retry: false, text: 'No version {version} of {plugin}' },
  INSTALLATION_NOT_FOUND: { status: 404, retry: false, text: 'No installation {installation}' },
  ALREADY_INSTALLED: {
    status: 409,
    retry: false,
    text: '{plugin} is installed in this tenant already: {installation}',
  },
  SLUG_TAKEN: {
    status: 409,
    retry: false,
    text: 'Another plugin with the slug {slug} is installed in this tenant',
  },
  GRANTS_MISSING: { status: 409, retry: false, text: 'Required permissions are not granted: {missing}' },
  CONFIG_INVALID: {
    status: 422,
    retry: false,
    text: "The configuration does not fit the plugin's schema: see errors[]",
  },
  NOT_READY_TO_ACTIVATE: {
    status: 409,
    retry: false,
    text: 'It cannot be activated yet; missing: {missing}',
  },
  TRANSITION_NOT_ALLOWED: {
    status: 409,
    retry: false,
    text: '{action} is not possible while {status}; possible now: {allowed}',
  },
  SECRET_NOT_DECLARED: { status: 422, retry: false, text: 'The manifest declares no secret {key}' },
  JOB_NOT_FOUND: { status: 404, retry: false, text: 'No job {job}' },
  // executions
  NOT_ACTIVE: { status: 409, retry: false, text: 'The installation is {status}: activate it first' },
  QUARANTINED: { status: 423, retry: false, text: 'This version is quarantined: {reason}' },
  INTEGRITY: {
    status: 502,
    retry: false,
    text: 'The stored copy of the package has the sha256 {found} instead of {digest}: nothing of it runs',
  },
  FUNCTION_NOT_FOUND: { status: 422, retry: false, text: 'No function {function}; there are: {functions}' },
  INPUT_INVALID: {
    status: 422,
    retry: false,
    text: "The input does not fit the function's schema: see errors[]",
  },
  EXECUTION_FAILED: { status: 422, retry: false, text: 'The plugin failed: {message}' },
  EXECUTION_TIMED_OUT: {
    status: 504,
    retry: true,
    text: 'The execution went over its {limit} of {value} ms',
  },
  NO_ANSWER: {
    status: 504,
    retry: true,
    text: 'No executor answered before the deadline; the execution id finds its record',
  },
  OUT_OF_MEMORY: {
    status: 507,
    retry: false,
    text: 'The execution went over its memory limit of {value} MB (manifest: limits.memoryMb)',
  },
  LIMIT_EXCEEDED: { status: 422, retry: false, text: 'The execution went over its limit {limit} of {value}' },
  OVER_QUOTA: {
    status: 429,
    retry: true,
    text: 'The limit {limit} of {value} is used up at the moment: retry later',
  },
  NO_CAPACITY: { status: 503, retry: true, text: 'No worker is free: retry' },
  PERMISSION_DENIED: { status: 403, retry: false, text: 'The permission {permission} is not granted' },
  SECURITY_VIOLATION: {
    status: 403,
    retry: false,
    text: 'The plugin used {permission}, which its manifest never asked for',
  },
  EXECUTION_CANCELLED: { status: 409, retry: false, text: 'The execution was cancelled' },
  EXECUTION_NOT_FOUND: { status: 404, retry: false, text: 'No execution {execution}' },
  EXECUTION_ENDED: { status: 409, retry: false, text: 'The execution has ended: {status}' },
  PLUGIN_CALL_FAILED: { status: 502, retry: false, text: 'The called function ended as {status}' },
  NETWORK_FAILED: { status: 502, retry: true, text: 'The request to {host} failed: {reason}' },
  NETWORK_REFUSED: {
    status: 403,
    retry: false,
    text: '{host} leads to an address that plugins may not reach',
  },
  SECRET_NOT_SET: { status: 422, retry: false, text: 'The secret {key} has no value yet' },
  WORKER_CRASHED: { status: 503, retry: true, text: 'The worker process ended during the execution' },
  // events and quarantine
  EVENT_INVALID: { status: 422, retry: false, text: 'The event is not a valid CloudEvent: see errors[]' },
  EVENT_TYPE_RESERVED: { status: 422, retry: false, text: 'The event type {type} belongs to the platform' },
  CAUSATION_TOO_DEEP: {
    status: 422,
    retry: false,
    text: 'More than {limit} events caused one another: the chain is cut here',
  },
  CAUSATION_TOO_WIDE: {
    status: 422,
    retry: false,
    text: 'More than {limit} events descend from one: the chain is cut here',
  },
  QUARANTINE_NOT_FOUND: { status: 404, retry: false, text: 'No quarantine {id}' },
  DEAD_LETTER_NOT_FOUND: { status: 404, retry: false, text: 'No dead letter {id}' },
  DEAD_LETTER_FINAL: { status: 409, retry: false, text: 'The dead letter cannot be replayed: {reason}' },
  WAITING_NOT_FOUND: {
    status: 404,
    retry: false,
    text: 'No waiting message {id}: it may be due and on its way',
  },
  // bus
  MESSAGE_UNDECODABLE: { status: 500, retry: false, text: 'The message cannot be decoded: {reason}' },
  DEADLINE_EXCEEDED: { status: 504, retry: true, text: 'No reply before the deadline' },
} as const satisfies Record<string, ErrorDefinition>;

export type ErrorCode = keyof typeof errors;
export const errorDefinition = (code: ErrorCode): ErrorDefinition => errors[code];

/** One wrong place in a body, file or manifest. */
export interface FieldError {
  /** JSON pointer (RFC 6901) into the body or file; '' is the whole. */
  pointer: string;
  message: string;
  /** The rule or keyword that was broken. */
  rule?: string;
  /** The file of the package, when it is not the request body. */
  file?: string;
  line?: number;
  column?: number;
  /** Lines around the place, with a caret. */
  frame?: string;
}

/** RFC 9457 answer body, `application/problem+json`. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance?: string;
  code: ErrorCode;
  errors?: FieldError[];
  traceId?: string;
  /** What the error text was made of; safe to show. */
  details?: Record<string, unknown>;
}

/** Fills a text's {placeholders}. */
export const fillText = (text: string, details: Record<string, unknown>): string =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in details ? String(details[name]) : whole));
