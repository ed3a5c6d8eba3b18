import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { encodeEvent } from '@mortise/bus';
import {
  ExecuteInBackground,
  type InstallationStateData,
  type InteractiveReply,
  type LogLine,
} from '@mortise/contracts';
import { createLogger, newId } from '@mortise/service-kit';
import { until } from '@mortise/testing';
import { command } from './builders.js';
import { fileOf, memoryMb, timeoutMs, type AttackCase } from './attack-case.js';
import { ExecutorUnderTest } from './executor-under-test.js';
import { rssMb, Watch, workerPids, type Watched } from './watch.js';

/** In the secret that the attacker may read. */
export const sentinel = 'SENTINEL-93f1-d0-not-tell';
/** In what belongs to the victim. */
export const treasure = 'TREASURE-of-the-victim-5c';

/** Its answer is the same at each run, as long as nobody reaches what is its own. */
const victimCode = `
  const seen = () => [...Object.getOwnPropertyNames(globalThis), ...Object.keys({}), ...Object.keys([])].sort();
  const globals = seen();
  export const run = async (input, ctx) => {
    await ctx.storage.set('mine', ctx.config.treasure);
    return { mine: await ctx.storage.get('mine'), late: await ctx.storage.get('late'), tenant: ctx.tenantId,
      secret: (await ctx.secrets.get('API_KEY')).length, input, new: seen().filter((name) => !globals.includes(name)) };
  };`;

export interface Observed extends Watched {
  reply: InteractiveReply;
  ms: number;
  after: InteractiveReply | undefined;
  victim: { runs: number; slowestMs: number; wrong: string[] };
  laterVictim: InteractiveReply | undefined;
  /** Bytes of all its log lines. */
  logBytes: number;
  /** All that left the sandbox because of it, as one text. */
  told: string;
}

/** An executor with an attacker's tenant, a victim's tenant, and instruments on the process that supervises both. */
export class AttackScene {
  private executor!: ExecutorUnderTest;
  private victim!: InstallationStateData;
  private folder!: string;
  private readonly attackerId = newId();
  private expected = '';
  private harmless: InstallationStateData | undefined;
  private restMb = 0;

  static async start(): Promise<AttackScene> {
    const self = new AttackScene();
    self.folder = await mkdtemp(join(tmpdir(), 'mortise-attacks-'));
    const logger = createLogger({ service: 'executor', level: 'debug', file: join(self.folder, 'log') });
    self.executor = await ExecutorUnderTest.start({}, logger);
    self.restMb = Math.max(...workerPids().map(rssMb));
    self.victim = await self.executor.install(victimCode, {
      ...{ config: { treasure }, secretKeys: ['API_KEY'], secretsRevision: 1 },
      functions: { run: { limits: { timeoutMs } } },
    });
    self.executor.secrets.set(self.victim.installationId, { API_KEY: treasure });
    const first = await self.runVictim();
    if (first.status !== 'succeeded') throw new Error(`the victim does not run: ${JSON.stringify(first)}`);
    self.expected = first.result;
    return self;
  }

  async close(): Promise<void> {
    await this.executor.close();
    await rm(this.folder, { recursive: true });
  }

  /** The service's own log, and each row of its tables. */
  async kept(): Promise<string> {
    const tables = await this.executor.db.system((tx) =>
      tx.query<{ name: string }[]>(
        `select table_name as name from information_schema.tables where table_schema = current_schema()
         and table_type = 'BASE TABLE' and table_name <> 'storage_entries'`,
      ),
    );
    const rows = [];
    for (const { name } of tables)
      rows.push(await this.executor.db.system((tx) => tx.query(`select t::text from ${name} t`)));
    return `${await readFile(join(this.folder, 'log'), 'utf8')}${JSON.stringify(rows)}`;
  }

  async play(attack: AttackCase): Promise<Observed> {
    const { executor } = this;
    const limits = { timeoutMs, memoryMb, ...attack.limits };
    const state = await executor.install(fileOf(attack), {
      ...{ tenantId: this.attackerId, secretKeys: ['API_KEY'], secretsRevision: 1 },
      ...{ functions: { run: { limits }, after: { limits } }, isolation: attack.isolation ?? 'isolate' },
    });
    executor.secrets.set(state.installationId, { API_KEY: sentinel, OTHER_PLUGIN_KEY: sentinel });
    const from = this.told();
    const executionId = newId();
    // A worker for the attacker stands ready: what is timed is the attack, not the start of a process.
    this.harmless ??= await executor.install('export const run = () => 1', { tenantId: this.attackerId });
    await executor.execute(this.harmless);

    for (let before = 1; before < (attack.times ?? 1); before++)
      await executor.execute(state, { function: 'run' }, { waitMs: limits.timeoutMs });

    const watch = new Watch(this.restMb);
    const startedAt = performance.now();
    let ms = 0;
    const attacking = executor
      .execute(state, { function: 'run' }, { executionId, waitMs: limits.timeoutMs })
      .finally(() => (ms = performance.now() - startedAt));
    const victim = await this.victimDuring(attacking);
    const reply = await attacking;
    const watched = watch.stop();

    const after =
      attack.after === undefined ? undefined : await executor.execute(state, { function: 'after' });
    const laterVictim = attack.victim === undefined ? undefined : await this.runLaterVictim(attack.victim);
    if (attack.category === 'secrets') await this.inBackground(state);
    await executor.event(executionId, reply.status as 'succeeded');
    const { logs, told } = from();
    const logBytes = logs.reduce(
      (bytes, { message, fields }) =>
        bytes + Buffer.byteLength(message) + (fields ? Buffer.byteLength(JSON.stringify(fields)) : 0),
      0,
    );
    return {
      ...watched,
      reply,
      ms,
      after,
      victim,
      laterVictim,
      logBytes,
      told: JSON.stringify(reply) + told,
    };
  }

  /** @returns what gives all that the executor has told the bus since */
  private told(): () => { logs: LogLine[]; told: string } {
    const { events, logs, pluginEvents, evidence } = this.executor;
    const from = [events.length, logs.length, pluginEvents.length, evidence.length] as const;
    return () => ({
      logs: logs.slice(from[1]),
      told: JSON.stringify([
        events.slice(from[0]),
        logs.slice(from[1]),
        ...[pluginEvents.slice(from[2]), evidence.slice(from[3])].map((records) =>
          records.map(({ headers, value }) => [headers, value?.toString()]),
        ),
      ]),
    });
  }

  /** The victim's work goes on all the while. */
  private async victimDuring(attacking: Promise<unknown>): Promise<Observed['victim']> {
    let over = false;
    void attacking.catch(() => {}).finally(() => (over = true));
    const wrong: string[] = [];
    let [runs, slowestMs] = [0, 0];
    do {
      const startedAt = performance.now();
      const reply = await this.runVictim();
      runs++;
      slowestMs = Math.max(slowestMs, performance.now() - startedAt);
      if (reply.status !== 'succeeded' || reply.result !== this.expected) wrong.push(JSON.stringify(reply));
      // Its pace, not a wait: callers that come one after the other.
      await delay(10);
    } while (!over);
    return { runs, slowestMs, wrong };
  }

  private runVictim(): Promise<InteractiveReply> {
    return this.executor.execute(this.victim, { input: 'mine' });
  }

  private async runLaterVictim(body: string): Promise<InteractiveReply> {
    const state = await this.executor.install(`export const run = async (input, ctx) => {${body}\n};`, {
      ...{ tenantId: this.victim.tenantId, secretKeys: ['API_KEY'], secretsRevision: 1 },
    });
    this.executor.secrets.set(state.installationId, { API_KEY: treasure });
    return this.executor.execute(state);
  }

  /** Leaves rows in tables, which a run that somebody waits for does not. */
  private async inBackground(state: InstallationStateData): Promise<void> {
    const queued = command(state, { function: 'run' });
    await this.executor.bus.send([encodeEvent(ExecuteInBackground, queued)]);
    await until(
      () => this.executor.events.some((data) => data.executionId === queued.executionId),
      'the background run has ended',
    );
  }
}
