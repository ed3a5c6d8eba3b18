// `make test`: everything, in this order, and one sum at the end. What a missing tool leaves out is said aloud; with
// REQUIRE_CLUSTER=1 (CI) it is a failure. FAULTS_S=120 (CI) adds so many seconds of faults on a cluster at work.
import { spawn, spawnSync } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

interface Sum {
  passed: number;
  failed: number;
  /** One line per broken test: said again at the end, where a long log is read first. */
  broken?: string[];
}

/** What Vitest's JSON reporter writes, as far as it is read here. */
interface Report {
  numPassedTests: number;
  numFailedTests: number;
  testResults: {
    name: string;
    status: string;
    /** Why the file itself did not load. */
    message: string;
    assertionResults: { status: string; fullName: string; failureMessages: string[] }[];
  }[];
}

const required = process.env.REQUIRE_CLUSTER === '1';
const missing = [
  ['java', 'default-jre-headless'],
  ['mvn', 'maven'],
  ['go', 'golang'],
].filter(([tool]) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);

// How long faults and fuzzing go on by themselves; set here, each fuzzed parser would take that long.
const { DURATION_S: _, FAULTS_S: faultsS, ...inherited } = process.env;

const run = (command: string, args: string[], more: NodeJS.ProcessEnv = {}) =>
  new Promise<number>((done) =>
    spawn(command, args, { stdio: 'inherit', env: { ...inherited, NX_DAEMON: 'false', ...more } }).once(
      'exit',
      (code) => done(code ?? 1),
    ),
  );

async function program(file: string, more?: NodeJS.ProcessEnv): Promise<Sum> {
  return (await run(process.execPath, ['--no-node-snapshot', file], more)) === 0
    ? { passed: 1, failed: 0 }
    : { passed: 0, failed: 1 };
}

async function suite(project: string): Promise<Sum> {
  const report = `.cache/test-${project}.json`;
  await rm(report, { force: true });
  const status = await run('vitest', [
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]);
  const read = await readFile(report, 'utf8').then(
    (text) => JSON.parse(text) as Report,
    (): Report => ({ numPassedTests: 0, numFailedTests: 1, testResults: [] }),
  );
  // A suite that cannot even load, or that ran nothing, has not passed.
  const unloaded = read.numFailedTests === 0 && (status !== 0 || read.numPassedTests === 0);
  return {
    passed: read.numPassedTests,
    failed: read.numFailedTests + (unloaded ? 1 : 0),
    broken: read.testResults.flatMap(brokenTests),
  };
}

function brokenTests({ name, status, message, assertionResults }: Report['testResults'][number]): string[] {
  const broken = assertionResults
    .filter((test) => test.status === 'failed')
    .map(({ fullName, failureMessages: [why = ''] }) => `${fullName}: ${why}`);
  if (broken.length === 0 && status === 'failed') broken.push(message);
  return broken.map((text) => {
    const [reason = ''] = stripVTControlCharacters(text).split('\n', 1);
    return `${relative('.', name)}: ${reason.slice(0, 240)}`;
  });
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
  await stage('outages', () => suite('outages'));
  if (faultsS) await stage('faults', () => program('tools/faults/main.ts', { DURATION_S: faultsS }));
} else {
  console.error(
    `\n!! LEFT OUT: the tests on real Kafka and S3, because ${missing.map(([tool]) => tool).join(', ')} is missing: apt-get install ${missing.map(([, debian]) => debian).join(' ')}`,
  );
  if (required) sums.push(['cluster', { passed: 0, failed: 1 }]);
}

console.log('');
for (const [, { broken = [] }] of sums) for (const line of broken) console.log(`broken  ${line}`);
for (const [name, { passed, failed }] of sums) console.log(`${name}: ${passed} ok, ${failed} broken`);
const total = sums.reduce(
  (sum, [, { passed, failed }]) => ({ passed: sum.passed + passed, failed: sum.failed + failed }),
  { passed: 0, failed: 0 },
);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
