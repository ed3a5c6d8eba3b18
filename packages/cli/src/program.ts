import { relative } from 'node:path';
import { errorDefinition, fillText } from '@mortise/contracts';
import type { Refusal } from '@mortise/bundle';
import { Command, CommanderError } from 'commander';
import { build } from './build.js';
import { addDeadLetters } from './dead-letters.js';
import { pack } from './pack.js';

/** Where output goes; tests collect it. */
export interface Output {
  out(text: string): void;
  error(text: string): void;
}

const terminal: Output = {
  out: (text) => void process.stdout.write(text),
  error: (text) => void process.stderr.write(text),
};

/** Exit codes: done, the plugin was refused, the command was not understood. */
const exit = { done: 0, refused: 1, usage: 2 };

/** Runs one command; answers the exit code. */
export async function run(args: string[], output: Output = terminal): Promise<number> {
  let code = exit.done;
  const program = new Command('mortise')
    .description('Build and pack Mortise plugins, operate a platform')
    .exitOverride();
  program.configureOutput({ writeOut: (text) => output.out(text), writeErr: (text) => output.error(text) });
  const report = <T extends { ok: true }>(
    outcome: T | Refusal,
    json: boolean | undefined,
    sentence: (done: T) => string,
  ) => {
    if (json) output.out(`${JSON.stringify(outcome)}\n`);
    else if (outcome.ok) output.out(`${sentence(outcome)}\n`);
    if (outcome.ok) return;
    if (!json) output.error(explain(outcome));
    code = exit.refused;
  };

  program
    .command('build')
    .argument('[dir]', 'folder of the plugin', '.')
    .option('--minify', 'make main smaller')
    .option('--no-source-map', 'write no dist/main.js.map')
    .option('--module <file>', 'runtime wasm: the .wat or .wasm file to build from')
    .option('--json', 'answer with one line of JSON')
    .description('bundle src/main.ts into dist/main.js, or make main of a WebAssembly module')
    .action(
      async (
        dir: string,
        {
          minify,
          sourceMap,
          module,
          json,
        }: { minify?: true; sourceMap: boolean; module?: string; json?: true },
      ) => {
        const outcome = await build(dir, { sourceMap, ...(minify && { minify }), ...(module && { module }) });
        report(outcome, json, ({ main, sizeBytes }) => `${main}: ${kilobytes(sizeBytes)}`);
      },
    );
  program
    .command('pack')
    .argument('[dir]', 'folder of the plugin', '.')
    .option('-o, --out <file>', 'where to write the package (.zip or .tar.gz)')
    .option('--source-map', "put main's source map in")
    .option('--json', 'answer with one line of JSON')
    .description('pack a built plugin and check it as the server does')
    .action(
      async (dir: string, { out, sourceMap, json }: { out?: string; sourceMap?: true; json?: true }) => {
        const outcome = await pack(dir, {
          ...(out !== undefined && { out }),
          ...(sourceMap && { sourceMap }),
        });
        report(outcome, json, ({ path, sizeBytes, digest, warnings }) =>
          [
            `${relative(process.cwd(), path)}: ${kilobytes(sizeBytes)}, sha256 ${digest}`,
            ...warnings.map((w) => `warning: ${w}`),
          ].join('\n'),
        );
      },
    );

  addDeadLetters(program, (line) => output.out(`${line}\n`));

  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exit.done : exit.usage;
    output.error(`${(error as Error).message}\n`);
    return exit.refused;
  }
  return code;
}

/** A refusal as text for people: each place with its frame. */
function explain({ code, details = {}, errors }: Refusal): string {
  const sentence = fillText(errorDefinition(code).text, details);
  const places = errors
    .filter(({ message }) => message !== errorDefinition(code).text)
    .map(({ file, line, column, pointer, message, frame }) => {
      const where = [file, line, column].filter((part) => part !== undefined).join(':');
      const at = [where, pointer].filter((part) => part !== '').join(' ');
      return [`${at === '' ? '' : `${at}: `}${message}`, ...(frame ? [frame] : [])].join('\n');
    });
  return [`${code}: ${sentence}`, ...places, ''].join('\n\n');
}

const kilobytes = (bytes: number) => `${(bytes / 1_024).toFixed(1)} KB`;
