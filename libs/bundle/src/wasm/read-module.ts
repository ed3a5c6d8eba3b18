import { WasmProblem, WasmReader } from './reader.js';

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128' | 'funcref' | 'externref';

export interface Signature {
  params: ValueType[];
  results: ValueType[];
}

export interface WasmImport {
  module: string;
  name: string;
  signature: Signature;
  offset: number;
}

export interface WasmMemory {
  /** In pages of 64 KiB, like the maximum. */
  initial: number;
  maximum: number | undefined;
  /** Of the section, for who writes another one. */
  start: number;
  end: number;
}

/** What can be known of a module without looking at its code. */
export interface WasmModule {
  imports: WasmImport[];
  /** Exported functions; without a signature those that are imports handed on. */
  functions: Map<string, Signature | undefined>;
  memory: WasmMemory | undefined;
}

const header = Buffer.from('\0asm\x01\0\0\0', 'latin1');
const most = {
  types: 10_000,
  imports: 1_000,
  functions: 100_000,
  tables: 16,
  tableEntries: 100_000,
  globals: 10_000,
  exports: 10_000,
  segments: 100_000,
  functionBytes: 512 * 1_024,
  locals: 10_000,
};

const id = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
} as const;
/** The order in which a module has its sections, each of them once. */
const order: number[] = [
  ...[id.type, id.import, id.function, id.table, id.memory, id.global],
  ...[id.export, id.start, id.element, id.dataCount, id.code, id.data],
];

const valueTypes: Record<number, ValueType> = {
  0x7f: 'i32',
  0x7e: 'i64',
  0x7d: 'f32',
  0x7c: 'f64',
  0x7b: 'v128',
  0x70: 'funcref',
  0x6f: 'externref',
};

/**
 * Reads the sections of a binary module and holds them to their bounds; code is measured and not read, since the engine
 * validates all of it.
 * @throws WasmProblem
 */
export function readModule(bytes: Uint8Array): WasmModule {
  if (!header.equals(bytes.subarray(0, header.length))) {
    throw new WasmProblem('wasm-header', 'it is not a WebAssembly module of version 1', 0);
  }
  const module = new ModuleReader();
  const reader = new WasmReader(bytes, header.length, bytes.length);
  let last = -1;
  while (reader.left > 0) {
    const start = reader.at;
    const section = reader.byte();
    const content = reader.section(reader.number());
    if (section === id.custom) {
      content.name();
      continue;
    }
    const place = order.indexOf(section);
    if (place < 0)
      throw new WasmProblem('wasm-feature', `sections of kind ${section} are not supported`, start);
    if (place <= last) throw new WasmProblem('wasm-section', 'its sections are out of order', start);
    last = place;
    module.read(section, content, start);
  }
  return module.facts();
}

class ModuleReader {
  readonly #types: Signature[] = [];
  readonly #imports: WasmImport[] = [];
  /** Types of the module's own functions, by index after the imports. */
  readonly #functions: Signature[] = [];
  readonly #exported: { name: string; index: number; offset: number }[] = [];
  #memory: WasmMemory | undefined;
  #bodies = 0;

  read(section: number, content: WasmReader, start: number): void {
    switch (section) {
      case id.type:
        return this.#each(content, 'types', most.types, () => this.#types.push(this.#signature(content)));
      case id.import:
        return this.#each(content, 'imports', most.imports, () => this.#import(content));
      case id.function:
        return this.#each(content, 'functions', most.functions, () =>
          this.#functions.push(this.#type(content)),
        );
      case id.table:
        return this.#tables(content);
      case id.memory:
        return this.#memories(content, start);
      case id.export:
        return this.#each(content, 'exports', most.exports, () => this.#export(content));
      case id.start:
        return this.#start(content);
      case id.code:
        return this.#each(content, 'functions', most.functions, () => this.#body(content));
      case id.global:
        return void content.count('globals', most.globals);
      default:
        return void content.count('segments', most.segments, 0);
    }
  }

  facts(): WasmModule {
    if (this.#bodies !== this.#functions.length) {
      throw new WasmProblem('wasm-section', 'it has not as much code as functions', 0);
    }
    const functions = new Map<string, Signature | undefined>();
    for (const { name, index, offset } of this.#exported) {
      const own = index - this.#imports.length;
      if (own >= this.#functions.length) {
        throw new WasmProblem('wasm-export', `the export ${name} names no function`, offset);
      }
      functions.set(name, this.#functions[own]);
    }
    return { imports: this.#imports, functions, memory: this.#memory };
  }

  #each(content: WasmReader, what: string, limit: number, read: () => void): void {
    for (let left = content.count(what, limit); left > 0; left--) read();
    if (content.left > 0) throw content.problem('wasm-section', 'a section is longer than what is in it');
  }

  #signature(content: WasmReader): Signature {
    if (content.byte() !== 0x60)
      throw content.problem(
        'wasm-feature',
        'types other than functions (garbage collection) are not supported',
      );
    const list = () => Array.from({ length: content.count('values', 1_000) }, () => this.#valueType(content));
    return { params: list(), results: list() };
  }

  #valueType(content: WasmReader): ValueType {
    const type = valueTypes[content.byte()];
    if (!type) throw content.problem('wasm-feature', 'it uses a type of values that is not supported');
    return type;
  }

  #type(content: WasmReader): Signature {
    const type = this.#types[content.number()];
    if (!type) throw content.problem('wasm-section', 'it names a type that it does not have');
    return type;
  }

  #import(content: WasmReader): void {
    const offset = content.at;
    const module = content.name();
    const name = content.name();
    if (content.byte() !== 0)
      throw new WasmProblem(
        'wasm-import',
        `it imports ${module} ${name}, and may import functions only`,
        offset,
      );
    this.#imports.push({ module, name, signature: this.#type(content), offset });
  }

  #tables(content: WasmReader): void {
    let entries = 0;
    this.#each(content, 'tables', most.tables, () => {
      const type = this.#valueType(content);
      if (type !== 'funcref' && type !== 'externref')
        throw content.problem('wasm-table', 'a table holds neither functions nor references');
      entries += limits(content, 'wasm-table').initial;
    });
    if (entries > most.tableEntries)
      throw content.problem('wasm-table', `its tables begin with more than ${most.tableEntries} entries`);
  }

  #memories(content: WasmReader, start: number): void {
    this.#each(content, 'memories', 1, () => {
      this.#memory = { ...limits(content, 'wasm-memory'), start, end: content.at };
    });
  }

  #export(content: WasmReader): void {
    const offset = content.at;
    const name = content.name();
    const kind = content.byte();
    const index = content.number();
    if (kind > 3) throw content.problem('wasm-feature', `it exports ${name}, which is not supported`);
    if (kind === 0) this.#exported.push({ name, index, offset });
  }

  #start(content: WasmReader): void {
    const index = content.number();
    if (index < this.#imports.length)
      throw content.problem('wasm-start', 'it starts with an import: start with a function of its own');
  }

  #body(content: WasmReader): void {
    const length = content.number();
    if (length > most.functionBytes) {
      throw content.problem(
        'wasm-size',
        `a function is ${length} bytes long, and ${most.functionBytes} are the most: split it, or optimize for size`,
      );
    }
    const body = content.section(length);
    let locals = 0;
    for (let groups = body.count('groups of locals', most.locals, 2); groups > 0; groups--) {
      locals += body.number();
      this.#valueType(body);
      if (locals > most.locals)
        throw body.problem('wasm-size', `a function has more than ${most.locals} locals`);
    }
    this.#bodies++;
  }
}

function limits(content: WasmReader, rule: 'wasm-memory' | 'wasm-table') {
  const flags = content.byte();
  if (flags > 1) throw content.problem(rule, 'shared and 64-bit memories are not supported');
  return { initial: content.number(), maximum: flags === 1 ? content.number() : undefined };
}
