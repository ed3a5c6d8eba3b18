// Runs in a thread of its own, too, and is loaded there as it is: it may import packages only, and types of its
// neighbours.
import { parentPort, workerData } from 'node:worker_threads';
import { parse, type Node, type Program } from 'acorn';
import { ancestor, full } from 'acorn-walk';
import type { MainFinding, ParsedMain } from './check-main.js';

const task = workerData as { code?: unknown } | null;
if (typeof task?.code === 'string') parentPort?.postMessage(parseMain(task.code));

/** Parses as an ES module, else as a CommonJS script; the error that came later in the text is the one meant. */
export function parseMain(code: string): ParsedMain {
  const asModule = attempt(code, 'module');
  if (asModule.ok) return { format: 'module', findings: imports(asModule.program) };
  const asScript = attempt(code, 'script');
  if (asScript.ok) return { format: 'commonjs', findings: imports(asScript.program) };
  const { message, offset } = asScript.offset > asModule.offset ? asScript : asModule;
  return { format: 'module', findings: [{ kind: 'syntax', what: message, offset }] };
}

type Attempt = { ok: true; program: Program } | { ok: false; message: string; offset: number };

function attempt(code: string, sourceType: 'module' | 'script'): Attempt {
  try {
    const program = parse(code, {
      ecmaVersion: 'latest',
      sourceType,
      allowHashBang: true,
      allowReturnOutsideFunction: sourceType === 'script',
    });
    return { ok: true, program };
  } catch (error) {
    if (error instanceof RangeError)
      return { ok: false, message: 'it nests too deep to be parsed', offset: 0 };
    const { message, pos } = error as SyntaxError & { pos: number };
    return { ok: false, message: message.replace(/ \(\d+:\d+\)$/, ''), offset: pos };
  }
}

/** Every way to reach another module: a published main holds none. */
function imports(program: Program): MainFinding[] {
  const found: MainFinding[] = [];
  const add = (kind: MainFinding['kind'], node: Node, source: unknown) =>
    found.push({ kind, what: typeof source === 'string' ? source : '', offset: node.start });
  const literal = (node: Node | null | undefined) => (node as { value?: unknown } | null | undefined)?.value;
  const bound = scopesThatBindRequire(program);
  try {
    full(program, (node) => {
      const { type, source } = node as Node & { source?: Node | null };
      if (type === 'ImportDeclaration') add('import', node, literal(source));
      if (type === 'ImportExpression') add('dynamic-import', node, literal(source));
      if ((type === 'ExportAllDeclaration' || type === 'ExportNamedDeclaration') && source)
        add('export-from', node, literal(source));
    });
    ancestor(program, {
      Identifier(node, _state, ancestors) {
        const parent = ancestors.at(-2) as
          (Node & { callee?: Node; arguments?: Node[]; operator?: string }) | undefined;
        if (node.name !== 'require' || ancestors.some((scope) => bound.has(scope))) return;
        if (parent?.type === 'UnaryExpression' && parent.operator === 'typeof') return;
        const isCall = parent?.type === 'CallExpression' && parent.callee === node;
        add('require', node, isCall ? literal(parent.arguments?.[0]) : undefined);
      },
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    found.push({ kind: 'syntax', what: 'it nests too deep to be checked', offset: 0 });
  }
  return found;
}

/** Bundlers wrap modules in functions with a `require` of their own: those calls stay inside the file. */
function scopesThatBindRequire(program: Program): Set<Node> {
  const scopes = new Set<Node>();
  const isFunction = (node: Node) => /Function/.test(node.type);
  try {
    ancestor(program, {
      Pattern(node, _state, ancestors) {
        if (node.type !== 'Identifier' || node.name !== 'require') return;
        // An assignment's target is a pattern, too; only declarations bind.
        const declared =
          ancestors.some(({ type }) => type === 'VariableDeclarator') || isParameter(node, ancestors);
        if (declared) scopes.add(ancestors.findLast(isFunction) ?? program);
      },
      Function(node, _state, ancestors) {
        if (node.type === 'FunctionDeclaration' && node.id?.name === 'require') {
          scopes.add(ancestors.slice(0, -1).findLast(isFunction) ?? program);
        }
      },
    });
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return scopes;
}

function isParameter(node: Node, ancestors: Node[]): boolean {
  const owner = ancestors.findLast(({ type }) => /Function/.test(type)) as
    (Node & { params: Node[] }) | undefined;
  return owner?.params.some(({ start, end }) => start <= node.start && node.end <= end) ?? false;
}
