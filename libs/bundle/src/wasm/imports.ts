import type { Signature, ValueType } from './read-module.js';

const signature = (params: ValueType[], ...results: ValueType[]): Signature => ({ params, results });
const log = signature(['i64']);

/** What the PDKs of Extism import, as its kernel has them; an offset into the host's memory is an i64. */
const kernel: Record<string, Signature> = {
  input_offset: signature([], 'i64'),
  input_length: signature([], 'i64'),
  input_load_u8: signature(['i64'], 'i32'),
  input_load_u64: signature(['i64'], 'i64'),
  alloc: signature(['i64'], 'i64'),
  free: signature(['i64']),
  length: signature(['i64'], 'i64'),
  length_unsafe: signature(['i64'], 'i64'),
  load_u8: signature(['i64'], 'i32'),
  load_u64: signature(['i64'], 'i64'),
  store_u8: signature(['i64', 'i32']),
  store_u64: signature(['i64', 'i64']),
  output_set: signature(['i64', 'i64']),
  error_set: signature(['i64']),
  config_get: signature(['i64'], 'i64'),
  var_get: signature(['i64'], 'i64'),
  var_set: signature(['i64', 'i64']),
  http_request: signature(['i64', 'i64'], 'i64'),
  http_status_code: signature([], 'i32'),
  http_headers: signature([], 'i64'),
  log_trace: log,
  log_debug: log,
  log_info: log,
  log_warn: log,
  log_error: log,
  get_log_level: signature([], 'i32'),
};

/** Functions of this platform, reached as an Extism plugin reaches those of its host. */
const ours: Record<string, Signature> = {
  mortise_context: signature([], 'i64'),
  mortise_call: signature(['i64', 'i64'], 'i64'),
};

/** Names that a module may import, with what each takes and gives; undefined for all others. */
export function knownImport(module: string, name: string): Signature | undefined {
  const [table, key] =
    module === 'extism:host/env'
      ? [kernel, name]
      : module === 'extism:host/user'
        ? [ours, name]
        : // As PDKs before 1.0 named them.
          module === 'env'
          ? [kernel, name.replace(/^extism_/, '')]
          : [{}, name];
  return Object.hasOwn(table, key) ? table[key] : undefined;
}
