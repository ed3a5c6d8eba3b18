;; CRC-32 of the input. The functions that are imported are those of every Extism PDK.
(module
  (import "extism:host/env" "input_length" (func $input_length (result i64)))
  (import "extism:host/env" "input_load_u8" (func $input_load_u8 (param i64) (result i32)))
  (import "extism:host/env" "alloc" (func $alloc (param i64) (result i64)))
  (import "extism:host/env" "store_u8" (func $store_u8 (param i64 i32)))
  (import "extism:host/env" "output_set" (func $output_set (param i64 i64)))

  (memory (export "memory") 1 1)
  ;; The answer, with room for eight digits from place 10 on; it is 20 bytes long.
  (data (i32.const 0) "{\"crc32\":\"........\"}")
  (data (i32.const 32) "0123456789abcdef")

  (func $crc32 (result i32)
    (local $crc i32) (local $at i64) (local $length i64) (local $bit i32)
    (local.set $crc (i32.const -1))
    (local.set $length (call $input_length))
    (block $done
      (loop $byte
        (br_if $done (i64.ge_u (local.get $at) (local.get $length)))
        (local.set $crc (i32.xor (local.get $crc) (call $input_load_u8 (local.get $at))))
        (local.set $bit (i32.const 8))
        (loop $shift
          ;; Shifted by one, with the polynomial where the bit that falls out was set.
          (local.set $crc
            (i32.xor
              (i32.shr_u (local.get $crc) (i32.const 1))
              (i32.and
                (i32.const 0xedb88320)
                (i32.sub (i32.const 0) (i32.and (local.get $crc) (i32.const 1))))))
          (br_if $shift (local.tee $bit (i32.sub (local.get $bit) (i32.const 1)))))
        (local.set $at (i64.add (local.get $at) (i64.const 1)))
        (br $byte)))
    (i32.xor (local.get $crc) (i32.const -1)))

  ;; Writes eight hexadecimal digits, the highest first.
  (func $write_digits (param $value i32) (local $place i32)
    (loop $digit
      (i32.store8
        (i32.add (i32.const 10) (local.get $place))
        (i32.load8_u
          (i32.add
            (i32.const 32)
            (i32.and
              (i32.shr_u (local.get $value) (i32.sub (i32.const 28) (i32.shl (local.get $place) (i32.const 2))))
              (i32.const 15)))))
      (br_if $digit
        (i32.lt_u (local.tee $place (i32.add (local.get $place) (i32.const 1))) (i32.const 8)))))

  (func $answer (param $length i32) (local $block i64) (local $at i32)
    (local.set $block (call $alloc (i64.extend_i32_u (local.get $length))))
    (loop $byte
      (call $store_u8
        (i64.add (local.get $block) (i64.extend_i32_u (local.get $at)))
        (i32.load8_u (local.get $at)))
      (br_if $byte
        (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (local.get $length))))
    (call $output_set (local.get $block) (i64.extend_i32_u (local.get $length))))

  (func (export "checksum") (result i32)
    (call $write_digits (call $crc32))
    (call $answer (i32.const 20))
    (i32.const 0)))
