// `make test`: everything, in this order, and one sum at the end. What a missing tool leaves out is said aloud; with
// REQUIRE_CLUSTER=1 (CI) it is a failure.
import { spawn, spawnSync } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';

interface Sum {
  passed: number;
  failed: number;
}

const required = process.env.REQUIRE_CLUSTER === '1';
const missing = [
  ['java', 'default-jre-headless'],
  ['mvn', 'maven'],
  ['go', 'golang'],
].filter(([tool]) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);

const run = (command: string, args: string[]) =>
  new Promise<number>((done) =>
    spawn(command, args, { stdio: 'inherit', env: { ...process.env, NX_DAEMON: 'false' } }).once(
      'exit',
      (code) => done(code ?? 1),
    ),
  );

async function program(file: string): Promise<Sum> {
  return (await run(process.execPath, ['--no-node-snapshot', file])) === 0
    ? { passed: 1, failed: 0 }
    : { passed: 0, failed: 1 };
}

async function suite(project: string): Promise<Sum> {
  const report = `.cache/test-${project}.json`;
  const status = await run('vitest', [
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]);
  const { numPassedTests, numFailedTests } = await readFile(report, 'utf8').then(
    (text) => JSON.parse(text) as { numPassedTests: number; numFailedTests: number },
    () => ({ numPassedTests: 0, numFailedTests: 1 }),
  );
  // A suite that cannot even load, or that ran nothing, has not passed.
  const broken = numFailedTests === 0 && (status !== 0 || numPassedTests === 0);
  return { passed: numPassedTests, failed: numFailedTests + (broken ? 1 : 0) };
}

await mkdir('.cache', { recursive: true });
const sums: [string, Sum][] = [];
const only = process.env.ONLY?.split(',');
const stage = async (name: string, work: () => Promise<Sum>) => {
  if (only && !only.includes(name)) return;
  console.log(`\n== ${name}`);
  sums.push([name, await work()]);
};

await stage('lint', () => program('tools/lint.ts'));
await stage('unit', () => suite('unit'));
await stage('attacks', () => suite('attacks'));
await stage('embedded', () => suite('embedded'));
if (missing.length === 0) {
  await stage('cluster', () => suite('cluster'));
  if (process.env.FAULTS === '1') await stage('faults', () => program('tools/faults/main.ts'));
} else {
  console.error(
    `\n!! LEFT OUT: the tests on real Kafka and S3, because ${missing.map(([tool]) => tool).join(', ')} is missing: apt-get install ${missing.map(([, debian]) => debian).join(' ')}`,
  );
  if (required) sums.push(['cluster', { passed: 0, failed: 1 }]);
}

console.log('');
for (const [name, { passed, failed }] of sums) console.log(`${name}: ${passed} ok, ${failed} broken`);
const total = sums.reduce(
  (sum, [, { passed, failed }]) => ({ passed: sum.passed + passed, failed: sum.failed + failed }),
  { passed: 0, failed: 0 },
);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
