import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Answer } from './api.ts';
import type { Asked, AskedKind, Installed } from './history.ts';
import { archiveOf, eventType, jobs } from './plugin.ts';
import type { Random } from '@mortise/testing';
import { fresh, type Tenant } from './tenants.ts';

/** Everything callers do, many at a time, until it is told to stop; each answer is written down. */
export class Workload {
  private readonly stop = new AbortController();
  private readonly loops: Promise<void>[] = [];
  private counter = 0;
  private readonly tenants: Tenant[];
  private readonly random: Random;
  private readonly asked: Asked[];

  constructor(tenants: Tenant[], random: Random, asked: Asked[]) {
    this.tenants = tenants;
    this.random = random;
    this.asked = asked;
  }

  start(): void {
    for (const tenant of this.tenants) {
      const any = () => this.random.pick(tenant.installed);
      const steady = () => this.random.pick(tenant.installed.filter((one) => one.steady));
      for (let caller = 0; caller < 3; caller++) this.loop(120, () => this.sync(tenant, any()));
      this.loop(250, () => this.async(tenant, any()));
      this.loop(800, () => this.event(tenant));
      this.loop(2_000, () => this.runNow(tenant, steady()));
      for (const changing of tenant.installed.filter((one) => !one.steady))
        this.loop(400, () => this.change(tenant, changing));
      this.loop(6_000, () => this.upload(tenant));
    }
  }

  /** Sends nothing new; resolves when all that was sent is answered. */
  async end(): Promise<void> {
    this.stop.abort();
    await Promise.all(this.loops);
  }

  private loop(pauseMs: number, step: () => Promise<void>): void {
    const { signal } = this.stop;
    const run = async () => {
      while (!signal.aborted) {
        await delay(pauseMs * (0.5 + this.random.next()), undefined, { signal }).catch(() => {});
        if (!signal.aborted) await step();
      }
    };
    this.loops.push(run());
  }

  private note(
    kind: AskedKind,
    tenant: Tenant,
    nonce: string,
    answer: Answer,
    more: Partial<Asked> = {},
  ): void {
    const { status, error, detail, sentAt, answeredAt, body } = answer;
    const executionId = typeof body.executionId === 'string' ? body.executionId : undefined;
    this.asked.push({
      kind,
      nonce,
      tenant: tenant.slug,
      status,
      error,
      detail,
      sentAt,
      answeredAt,
      executionId,
      ...more,
    });
  }

  private async sync(tenant: Tenant, { id }: Installed): Promise<void> {
    const nonce = fresh('s');
    const answer = await tenant.api.post(`/installations/${id}/execute`, {
      function: 'echo',
      input: { nonce },
    });
    const result = answer.body.result as { nonce: unknown; installation: unknown } | undefined;
    this.note('sync', tenant, nonce, answer, { installation: id, ...(result && { echoed: result }) });
  }

  private async async(tenant: Tenant, { id }: Installed): Promise<void> {
    const nonce = fresh('a');
    const body = { function: 'work', input: { nonce, ms: this.random.between(0, 1_200) } };
    const answer = await tenant.api.post(`/installations/${id}/execute`, body, { prefer: 'respond-async' });
    this.note('async', tenant, nonce, answer, { installation: id });
  }

  /** Sent again with the same id until it is taken, and now and then once more although it was. */
  private async event(tenant: Tenant): Promise<void> {
    const nonce = fresh('e');
    const event = { specversion: '1.0', id: nonce, source: 'faults', type: eventType, data: {} };
    const type = { 'content-type': 'application/cloudevents+json' };
    for (let again = this.random.between(0, 4) === 0 ? 1 : 0; !this.stop.signal.aborted;) {
      const answer = await tenant.api.post('/events', event, type);
      this.note('event', tenant, nonce, answer);
      if (answer.status === 202 && again-- === 0) return;
      await delay(200);
    }
  }

  private async runNow(tenant: Tenant, { id }: Installed): Promise<void> {
    const answer = await tenant.api.post(`/installations/${id}/jobs/${this.random.pick(jobs)}/run-now`);
    this.note('run-now', tenant, fresh('r'), answer, { installation: id });
  }

  private async change(tenant: Tenant, { id }: Installed): Promise<void> {
    const note = (answer: Answer, counter?: number) => {
      const { revision } = answer.body;
      this.note('change', tenant, fresh('c'), answer, {
        installation: id,
        counter,
        revision: typeof revision === 'number' ? revision : undefined,
      });
    };
    if (this.random.between(0, 5) === 0) {
      note(await tenant.api.post(`/installations/${id}/deactivate`));
      note(await tenant.api.post(`/installations/${id}/activate`));
      return;
    }
    const counter = ++this.counter;
    note(await configure(tenant, id, counter), counter);
  }

  private async upload(tenant: Tenant): Promise<void> {
    const archive = archiveOf(fresh('u'));
    const answer = await tenant.api.upload(archive);
    const { plugin, version } = answer.body as { plugin?: { id: string }; version?: { version: string } };
    const digest = createHash('sha256').update(archive).digest('hex');
    const path = plugin && version && `/plugins/${plugin.id}/versions/${version.version}/package`;
    this.note('upload', tenant, fresh('u'), answer, path ? { package: { path, digest } } : {});
  }
}

export const configure = (tenant: Tenant, id: string, counter: number): Promise<Answer> =>
  tenant.api.call(
    'PATCH',
    `/installations/${id}/config`,
    { counter },
    { 'content-type': 'application/merge-patch+json', 'if-match': '*' },
  );
