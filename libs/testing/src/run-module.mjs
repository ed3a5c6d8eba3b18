// Node strips types but knows no decorators: Vite's runner compiles our sources as the tests do.
import { runnerImport } from 'vite';

const [, , file] = process.argv;
await runnerImport(file, {
  configFile: false,
  logLevel: 'error',
  resolve: { conditions: ['source'] },
  ssr: { resolve: { conditions: ['source'] } },
  environments: { inline: { resolve: { conditions: ['source'], noExternal: [/^@mortise\//] } } },
});
