import wabt from 'wabt';

/** Assembles WebAssembly text; `imports` are names of the Extism PDK's functions, written as in a module of today. */
export async function wat(fields: string, imports: (keyof typeof signatures)[] = []): Promise<Buffer> {
  const { parseWat } = await wabt();
  const declared = imports.map((name) => {
    const from = name.startsWith('mortise_') ? 'extism:host/user' : 'extism:host/env';
    return `(import "${from}" "${name}" (func $${name} ${signatures[name]}))`;
  });
  const text = `(module ${declared.join('\n')} ${fields})`;
  const module = parseWat('plugin.wat', text, {
    bulk_memory: true,
    reference_types: true,
    multi_value: true,
  });
  return Buffer.from(module.toBinary({}).buffer);
}

export const done = '(i32.const 0)';

/** The function that tests call. */
export const go = (body: string, locals = ''): string =>
  `(func (export "go") (result i32) ${locals} ${body})`;

/** A module that answers with the block that `body` leaves; at 0 of its memory are `top` and two bytes that are no text. */
export const answering = (body: string, imports: (keyof typeof signatures)[] = []): Promise<Buffer> =>
  wat(
    `(memory (export "memory") 1 2) (data (i32.const 0) "top\\ff\\fe") ${toHost} ${go(
      `${body} (local.set $block) (call $output_set (local.get $block) (call $length (local.get $block))) ${done}`,
      '(local $block i64)',
    )}`,
    ['alloc', 'store_u8', 'length', 'output_set', ...imports],
  );

const signatures = {
  input_length: '(result i64)',
  input_offset: '(result i64)',
  input_load_u8: '(param i64) (result i32)',
  input_load_u64: '(param i64) (result i64)',
  alloc: '(param i64) (result i64)',
  free: '(param i64)',
  length: '(param i64) (result i64)',
  load_u8: '(param i64) (result i32)',
  load_u64: '(param i64) (result i64)',
  store_u8: '(param i64 i32)',
  store_u64: '(param i64 i64)',
  output_set: '(param i64 i64)',
  error_set: '(param i64)',
  config_get: '(param i64) (result i64)',
  var_get: '(param i64) (result i64)',
  var_set: '(param i64 i64)',
  log_info: '(param i64)',
  http_request: '(param i64 i64) (result i64)',
  http_status_code: '(result i32)',
  mortise_context: '(result i64)',
  mortise_call: '(param i64 i64) (result i64)',
};

/** Copies `length` bytes of the module's memory at `at` into a block of the host. */
export const toHost = `
(func $to_host (param $at i32) (param $length i32) (result i64) (local $block i64) (local $i i32)
  (local.set $block (call $alloc (i64.extend_i32_u (local.get $length))))
  (block $done (loop $next
    (br_if $done (i32.ge_u (local.get $i) (local.get $length)))
    (call $store_u8 (i64.add (local.get $block) (i64.extend_i32_u (local.get $i)))
      (i32.load8_u (i32.add (local.get $at) (local.get $i))))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br $next)))
  (local.get $block))`;
