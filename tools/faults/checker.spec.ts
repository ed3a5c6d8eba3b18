import { describe, expect, it } from 'vitest';
import { check } from './checker.ts';
import type { Asked, History, Injected } from './history.ts';
import type { Observed } from './observed.ts';

const steady = { id: 'i-steady', tenant: 't', steady: true, jobs: ['tidy'] };
const changing = { id: 'i-changing', tenant: 't', steady: false, jobs: [] };
const minute = 60_000;

const asked = (given: Partial<Asked>): Asked => ({
  kind: 'async',
  nonce: 'n',
  tenant: 't',
  installation: steady.id,
  sentAt: 1_000,
  answeredAt: 1_100,
  status: 202,
  ...given,
});
const struck = (target: string, from: number, to: number, stops = true): Injected => ({
  fault: 'a fault',
  target,
  stops,
  from,
  to,
});
const history = (given: Partial<History>): History => ({
  installed: [steady, changing],
  asked: [],
  injected: [],
  poison: [],
  startedAt: 0,
  calmAt: minute / 2,
  ...given,
});
const observed = (given: Partial<Observed>): Observed => ({
  executions: [],
  marks: [],
  fires: [],
  outcomes: [],
  waiting: [],
  deadLetters: [],
  installations: [],
  lifecycle: [],
  states: [],
  seen: [],
  packages: [],
  ...given,
});
const record = (id: string, more: Partial<Observed['executions'][number]> = {}) => ({
  id,
  installation: steady.id,
  status: 'succeeded',
  trigger: 'call',
  causation: null,
  error: null,
  waitedMs: null,
  tookMs: null,
  ...more,
});
const rulesOf = (past: Partial<History>, now: Partial<Observed>) =>
  check(history(past), observed(now)).map(({ rule, subject }) => `${rule}: ${subject}`);

describe('the checker', () => {
  it('has nothing against a platform that kept its word', () => {
    const past = {
      asked: [
        asked({ executionId: 'x' }),
        asked({ kind: 'event', nonce: 'e', installation: undefined }),
        asked({ kind: 'sync', nonce: 's', status: 200, echoed: { nonce: 's', installation: steady.id } }),
        asked({ kind: 'change', installation: changing.id, status: 200, counter: 3, revision: 2 }),
      ],
    };
    const now = {
      executions: [record('x'), record('m', { trigger: 'event', causation: 'e' })],
      installations: [{ id: changing.id, status: 'active', revision: 2, counter: 3 }],
      seen: [{ installation: changing.id, counter: 3 }],
      lifecycle: [{ installation: changing.id, revision: 2 }],
      states: [{ installation: changing.id, revision: 2 }],
    };

    expect(rulesOf(past, now)).toEqual([]);
  });

  it('misses an accepted execution without a record, and one that has not ended', () => {
    const past = { asked: [asked({ executionId: 'gone' }), asked({ executionId: 'slow' })] };

    expect(rulesOf(past, { executions: [record('slow', { status: 'running' })] })).toEqual([
      'lost: gone',
      'stuck: slow',
    ]);
  });

  it('misses an event that one of its installations never heard, also when others did', () => {
    const past = { asked: [asked({ kind: 'event', nonce: 'e' })] };
    const elsewhere = record('m', { trigger: 'event', causation: 'e', installation: changing.id });

    expect(rulesOf(past, { executions: [elsewhere] })).toEqual(['lost: e']);
  });

  it('sees an event that became two executions of one installation', () => {
    const past = { asked: [asked({ kind: 'event', nonce: 'e' })] };
    const twice = ['m', 'o'].map((id) => record(id, { trigger: 'event', causation: 'e' }));

    expect(rulesOf(past, { executions: twice })).toEqual(['twice: e']);
  });

  it('misses a tick, sees one that fired twice, and wants a record of each', () => {
    const fire = { execution: 'x', installation: steady.id, job: 'tidy', dueAt: minute };
    const past = { calmAt: 2.5 * minute };

    expect(rulesOf(past, { fires: [fire, { ...fire, execution: 'y' }], executions: [record('x')] })).toEqual([
      'lost: y',
      `twice: ${steady.id}/tidy/${minute}`,
      `lost: ${steady.id}`,
    ]);
  });

  it('allows a second run only when the process of the first died, and with its key', () => {
    const mark = (at: number, key = 'k') => ({ execution: 'x', key, attempt: 1, at });
    const marks = [mark(5_000), mark(9_000)];

    expect(rulesOf({}, { marks })).toEqual(['ran again: x']);
    expect(rulesOf({ injected: [struck('gateway-0', 6_000, 8_000)] }, { marks })).toEqual(['ran again: x']);
    expect(rulesOf({ injected: [struck('executor-1', 6_000, 8_000, false)] }, { marks })).toEqual([
      'ran again: x',
    ]);
    expect(rulesOf({ injected: [struck('executor-1', 6_000, 8_000)] }, { marks })).toEqual([]);
    expect(
      rulesOf({ injected: [struck('executor-1', 6_000, 8_000)] }, { marks: [mark(1), mark(7_000, 'other')] }),
    ).toEqual(['another key: x']);
  });

  it('sees two ends of one execution, except of a call whose timeout was told first', () => {
    const outcomes = ['timed_out', 'succeeded'].map((status) => ({ execution: 'x', status }));
    const call = asked({ kind: 'sync', status: 504, executionId: 'x' });

    expect(rulesOf({}, { outcomes })).toEqual(['two ends: x']);
    expect(rulesOf({ asked: [call] }, { outcomes, executions: [record('x')] })).toEqual([]);
  });

  it('wants no plugin blamed for what it did not do', () => {
    const executions = [
      record('a', { status: 'out_of_memory' }),
      record('b', { status: 'denied' }),
      record('c', { status: 'denied', installation: changing.id }),
      record('d', { status: 'failed' }),
    ];

    expect(rulesOf({}, { executions })).toEqual(['blamed: a', 'blamed: b']);
  });

  it('sees an answer to another question', () => {
    const past = {
      asked: [
        asked({
          kind: 'sync',
          nonce: 'mine',
          status: 200,
          echoed: { nonce: 'yours', installation: steady.id },
        }),
      ],
    };

    expect(rulesOf(past, {})).toEqual(['another reply: mine']);
  });

  it('wants an answer in time that names the execution, unless the gateway itself was away', () => {
    const late = asked({ kind: 'sync', nonce: 'late', status: 200, answeredAt: 9_000 });
    const nameless = asked({ kind: 'sync', nonce: 'nameless', status: 503 });
    const silent = asked({ nonce: 'silent', status: 0, error: 'SILENCE', answeredAt: 26_000 });
    const broken = asked({ nonce: 'broken', status: 0, error: 'ECONNRESET' });
    const refused = asked({ nonce: 'refused', status: 401, error: 'UNAUTHENTICATED' });
    const unrecorded = asked({ kind: 'sync', nonce: 'u', status: 504, executionId: 'x' });
    const internal = asked({ nonce: 'internal', status: 500, error: 'INTERNAL' });
    const all = [late, nameless, silent, broken, refused, unrecorded, internal];

    expect(rulesOf({ asked: all }, {})).toEqual([
      'late: late',
      'no id: nameless',
      'silence: silent',
      'broken: broken',
      'refused: refused',
      'lost: x',
      'internal: internal',
    ]);
    expect(rulesOf({ asked: all, injected: [struck('gateway-0', 0, 30_000)] }, {})).toEqual([]);
  });

  it('wants every acknowledged change in the database, on both topics and in what calls see', () => {
    const change = (counter: number, revision: number, status = 200) =>
      asked({ kind: 'change', installation: changing.id, status, counter, revision });
    const told = (...revisions: number[]) =>
      revisions.map((revision) => ({ installation: changing.id, revision }));
    const at = (revision: number, counter: number, seen: number, topic: number[]) => ({
      installations: [{ id: changing.id, status: 'active', revision, counter }],
      seen: [{ installation: changing.id, counter: seen }],
      lifecycle: told(...topic),
      states: told(...topic),
    });
    const past = { asked: [change(1, 2), change(2, 3), change(3, 0, 503)] };
    const lost = `change lost: ${changing.id}`;
    const back = `back in time: ${changing.id}`;

    expect(rulesOf(past, at(3, 2, 2, [2, 3]))).toEqual([]);
    expect(rulesOf(past, at(4, 3, 3, [2, 3, 4]))).toEqual([]);
    expect(rulesOf(past, at(2, 1, 1, [2, 3, 2]))).toEqual([lost]);
    expect(rulesOf(past, at(3, 2, 1, [2, 3]))).toEqual([lost]);
    expect(rulesOf(past, at(3, 2, 2, [3]))).toEqual([lost, lost]);
    expect(rulesOf(past, at(3, 2, 2, [3, 2, 3]))).toEqual([back, back]);
    expect(rulesOf(past, at(3, 2, 2, [2, 3, 2]))).toEqual([back, back]);
  });

  it('wants poison, and nothing else, among the dead letters', () => {
    const letter = (key: string) => ({ service: 'registry', key, reason: 'why' });

    expect(rulesOf({ poison: ['p', 'q'] }, { deadLetters: [letter('p'), letter('innocent')] })).toEqual([
      'dead letter: innocent',
      'lost: q',
    ]);
  });

  it('wants accepted packages back, byte for byte, and nothing left to do', () => {
    const sent = asked({ kind: 'upload', status: 201, package: { path: '/p', digest: 'd' } });

    expect(rulesOf({ asked: [sent] }, { packages: [{ path: '/p', digest: 'd' }] })).toEqual([]);
    expect(rulesOf({ asked: [sent] }, { packages: [{ path: '/p', digest: 'other' }] })).toEqual([
      'package lost: n',
    ]);
    expect(rulesOf({}, { waiting: [{ where: 'outbox of registry', what: 'a row' }] })).toEqual([
      'stuck: outbox of registry',
    ]);
  });
});
