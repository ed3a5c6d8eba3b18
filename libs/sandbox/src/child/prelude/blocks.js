/*
 * The memory between host and module that the Extism PDKs know: blocks in one row of bytes, addressed by number. It is
 * the isolate's own memory, so the isolate's limit counts it.
 */
(function blocks(refusal) {
  'use strict';
  const first = 8;
  const bytesAtFirst = 65536;
  const bytesAtMost = 33554432;
  const blocksAtMost = 65536;

  let bytes = new Uint8Array(bytesAtFirst);
  let view = new DataView(bytes.buffer);
  let end = first;
  const lengths = new Map();
  /** Freed places by their size. */
  const spare = new Map();

  const outside = () => refusal('WASM_TRAP', 'The module trapped: no such place in the memory of the host');
  const rounded = (length) => Math.ceil(length / 8) * 8;

  const overLimit = (limit, value, used) =>
    refusal(
      'LIMIT_EXCEEDED',
      `The module went over the limit ${limit} of ${value} in the memory of the host`,
      {
        limit,
        value,
        used,
      },
    );

  const grow = (needed) => {
    if (needed > bytesAtMost) throw overLimit('exchangeBytes', bytesAtMost, needed);
    const larger = new Uint8Array(Math.min(bytesAtMost, Math.max(needed, bytes.length * 2)));
    larger.set(bytes);
    bytes = larger;
    view = new DataView(bytes.buffer);
  };

  const check = (at, length) => {
    if (length !== 0 && !(at >= first && length > 0 && at + length <= end)) throw outside();
  };

  const alloc = (length) => {
    if (!(length > 0)) return 0;
    if (lengths.size >= blocksAtMost) throw overLimit('exchangeBlocks', blocksAtMost, lengths.size + 1);
    const size = rounded(length);
    let at = spare.get(size)?.pop();
    if (at === undefined) {
      at = end;
      if (end + size > bytes.length) grow(end + size);
      end += size;
    }
    lengths.set(at, length);
    return at;
  };

  const lengthOf = (at) => lengths.get(at) ?? 0;

  const placed = (from, within, at, size) => {
    const offset = Number(at);
    if (!(offset >= 0 && offset + size <= within) || from + offset < first) throw outside();
    return from + offset;
  };

  return {
    __proto__: null,
    alloc,
    check,
    lengthOf,
    overLimit,
    end: () => end,
    free(at) {
      const length = lengths.get(at);
      if (length === undefined) return;
      lengths.delete(at);
      const size = rounded(length);
      const places = spare.get(size);
      if (places) places.push(at);
      else spare.set(size, [at]);
    },
    store(content) {
      const at = alloc(content.length);
      bytes.set(content, at);
      return at;
    },
    part: (at, length) => bytes.subarray(at, at + length),
    /** The whole block at an address; none is empty. */
    bytes: (at) => bytes.subarray(Number(at), Number(at) + lengthOf(Number(at))),
    load8: (from, within, at) => bytes[placed(from, within, at, 1)],
    load64: (from, within, at) => view.getBigUint64(placed(from, within, at, 8), true),
    store8(at, value) {
      bytes[placed(0, end, at, 1)] = value;
    },
    store64(at, value) {
      view.setBigUint64(placed(0, end, at, 8), value, true);
    },
    /** As new: nothing of one run is there for the next. */
    reset() {
      if (bytes.length > bytesAtFirst * 16) {
        bytes = new Uint8Array(bytesAtFirst);
        view = new DataView(bytes.buffer);
      } else bytes.fill(0, first, end);
      end = first;
      lengths.clear();
      spare.clear();
    },
  };
});
