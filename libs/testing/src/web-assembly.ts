interface Module {
  readonly module?: never;
}
interface Port {
  name: string;
  kind: 'function' | 'table' | 'memory' | 'global' | 'tag';
}
interface Memory {
  readonly buffer: ArrayBuffer;
  /** @throws RangeError above the maximum */
  grow(pages: number): number;
}

/** Node's WebAssembly, as far as tests use it: the types of Node name it without what is in it. */
export const webAssembly = (
  globalThis as unknown as {
    WebAssembly: {
      Module: {
        new (bytes: Uint8Array): Module;
        exports(module: Module): Port[];
        imports(module: Module): (Port & { module: string })[];
      };
      Instance: new (module: Module) => { exports: Record<string, unknown> };
      Memory: new (descriptor: { initial: number }) => Memory;
      CompileError: ErrorConstructor;
    };
  }
).WebAssembly;

/** The memory that a module without imports exports. */
export const memoryOf = (module: Module, name: string): Memory =>
  new webAssembly.Instance(module).exports[name] as Memory;
