import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '@mortise/testing';
import type { Answer, Api } from '../faults/api.ts';
import { hostileCases, installHostile } from './plugins.ts';

/** Between two calls of one neighbour, hostile or not. */
const neighbourPauseMs = 50;
/** What a harmless neighbour computes: about what a hostile one takes on average. */
const workMs = 150;
/** Above the deadline and its grace: who is answered later was not answered on time. */
const hostileAnswerMs = 800 + 250 + 750;

export interface Good {
  api: Api;
  installation: string;
}

/** What callers of good plugins saw in a window. */
export interface Seen {
  latenciesMs: number[];
  wrong: string[];
}

/** Calls of good plugins, one after the other by each of a few callers, until the window closes. */
export async function callGood(good: readonly Good[], callers: number, closesAt: number): Promise<Seen> {
  const seen: Seen = { latenciesMs: [], wrong: [] };
  let nonce = 0;
  const caller = async (no: number) => {
    while (performance.now() < closesAt) {
      const { api, installation } = good[no % good.length] as Good;
      const asked = ++nonce;
      const startedAt = performance.now();
      const answer = await api.post(`/installations/${installation}/execute`, {
        function: asked % 4 === 0 ? 'keep' : 'echo',
        input: { nonce: asked },
      });
      seen.latenciesMs.push(performance.now() - startedAt);
      const { result } = answer.body as { result?: { nonce?: number } };
      if (answer.status !== 200 || result?.nonce === undefined)
        seen.wrong.push(
          `${answer.status} ${answer.error ?? ''} ${JSON.stringify(answer.body).slice(0, 200)}`,
        );
      // A steady pace: a faster platform does not get more load to be measured under.
      await delay(2);
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, no) => caller(no)));
  return seen;
}

/** Neighbours that mean no harm and compute as much: what good callers are used to on a machine that is not theirs. */
export async function callHarmless(by: readonly Good[], callers: number, closesAt: number): Promise<void> {
  const caller = async (no: number) => {
    while (performance.now() < closesAt) {
      const { api, installation } = by[no % by.length] as Good;
      await api.post(`/installations/${installation}/execute`, { function: 'work', input: { ms: workMs } });
      await delay(neighbourPauseMs);
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, no) => caller(no)));
}

/** Tenants that attack, each with a few hostile plugins. */
export class Attackers {
  readonly ends = new Map<string, number>();
  readonly late: string[] = [];
  private readonly installed: { api: Api; id: string; name: string }[] = [];
  private readonly tenants: Api[];
  private readonly random: Random;
  private readonly cases: typeof hostileCases;

  /** @param only begins the ids of the cases to choose from */
  constructor(tenants: Api[], random: Random, only: readonly string[]) {
    this.tenants = tenants;
    this.random = random;
    this.cases = hostileCases.filter(
      ({ id }) => only.length === 0 || only.some((start) => id.startsWith(start)),
    );
  }

  async prepare(plugins: number): Promise<void> {
    for (let tried = 0; this.installed.length < plugins && tried < plugins * 3; tried++) await this.addOne();
  }

  async attack(attackers: number, closesAt: number): Promise<void> {
    const attacker = async () => {
      while (performance.now() < closesAt) {
        const target = this.random.pick(this.installed);
        const startedAt = performance.now();
        const answer = await target.api.post(`/installations/${target.id}/execute`, {
          function: 'run',
          input: {},
        });
        const ms = performance.now() - startedAt;
        if (ms > hostileAnswerMs || answer.status === 0)
          this.late.push(`${target.name}: ${answer.error ?? answer.status} after ${Math.round(ms)} ms`);
        this.count(answer);
        if (isBarred(answer)) await this.replace(target);
        await delay(neighbourPauseMs);
      }
    };
    await Promise.all(Array.from({ length: attackers }, attacker));
  }

  private count({ status, error }: Answer): void {
    const end = error ?? String(status);
    this.ends.set(end, (this.ends.get(end) ?? 0) + 1);
  }

  /** The platform has had enough of it: the attacker comes back with another one. */
  private async replace(target: { id: string }): Promise<void> {
    const at = this.installed.findIndex(({ id }) => id === target.id);
    if (at >= 0) this.installed.splice(at, 1);
    await this.prepare(this.installed.length + 1);
  }

  private async addOne(): Promise<void> {
    const api = this.random.pick(this.tenants);
    const attack = this.random.pick(this.cases);
    const id = await installHostile(api, attack);
    if (id !== undefined) this.installed.push({ api, id, name: attack.id });
  }
}

const isBarred = ({ error }: Answer): boolean => error === 'QUARANTINED' || error === 'NOT_ACTIVE';
