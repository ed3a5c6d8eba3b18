import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { History } from './history.ts';
import type { Observed } from './observed.ts';
import type { Violation } from './violation.ts';

const linesOfHistory = 40;

function table(rows: (string | number)[][]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => String(row[column]).length)),
  );
  const line = (row: (string | number)[]) =>
    row
      .map((cell, column) =>
        typeof cell === 'number'
          ? String(cell).padStart(widths[column] ?? 0)
          : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ');
  return rows.map((row) => `  ${line(row).trimEnd()}`).join('\n');
}

const count = <T>(all: readonly T[], by: (one: T) => string): string =>
  [...Map.groupBy(all, by)]
    .map(([key, group]) => `${group.length} ${key}`)
    .sort()
    .join(', ');

/** What was broken and how often, what was asked and how it was answered, how everything ended. */
export function summary(history: History, observed: Observed): string {
  const struck = [...Map.groupBy(history.injected, ({ fault }) => fault)].map(([fault, times]) => [
    fault,
    times.length,
    Math.round(times.reduce((sum, { from, to }) => sum + to - from, 0) / times.length),
  ]);
  const asked = [...Map.groupBy(history.asked, ({ kind }) => kind)].map(([kind, all]) => {
    const tookMs = all.map(({ sentAt, answeredAt }) => answeredAt - sentAt).sort((one, other) => one - other);
    const at = (share: number) => tookMs[Math.floor(share * (tookMs.length - 1))] ?? 0;
    return [
      kind,
      all.length,
      at(0.5),
      at(0.99),
      at(1),
      count(all, ({ status, error }) => `${status || error}`),
    ];
  });
  const runs = [...Map.groupBy(observed.marks, ({ execution }) => execution).values()];
  return [
    table([['fault', 'times', 'mean ms'], ...struck]),
    '',
    table([['asked', 'count', 'p50 ms', 'p99 ms', 'max ms', 'answers'], ...asked]),
    '',
    `  recorded   ${count(observed.executions, ({ trigger, status }) => `${trigger} ${status}`)}`,
    `  failures   ${count(
      observed.executions.filter(({ error, trigger }) => error !== null && trigger !== 'call'),
      ({ error }) => String(error).slice(0, 80),
    )}`,
    `  ran twice  ${runs.filter((marks) => marks.length > 1).length} of ${runs.length} marked executions`,
    `  ticks      ${observed.fires.length}, dead letters ${observed.deadLetters.length} (poison: ${history.poison.length}), packages ${observed.packages.length}`,
  ].join('\n');
}

const time = (ms: number) => new Date(ms).toISOString().slice(11, 23);

/** Everything that is known of one id or nonce: what was asked, recorded and logged, and which faults were about. */
export async function historyOf(
  { subject }: Violation,
  history: History,
  observed: Observed,
  logs: string,
): Promise<string> {
  const asked = history.asked.filter(
    ({ nonce, executionId }) => nonce === subject || executionId === subject,
  );
  const names = new Set([
    subject,
    ...asked.flatMap(({ nonce, executionId }) => [nonce, executionId ?? nonce]),
  ]);
  for (const { id, causation } of observed.executions)
    if (names.has(id) || (causation !== null && names.has(causation))) names.add(id);
  const events: { at: number; text: string }[] = asked.map((one) => ({
    at: one.sentAt,
    text: `asked ${one.kind} of ${one.installation ?? one.tenant}: ${one.status} ${one.error ?? ''} after ${one.answeredAt - one.sentAt} ms ${JSON.stringify(one.echoed ?? one.counter ?? one.detail ?? '')}`,
  }));
  for (const { execution, at, attempt } of observed.marks)
    if (names.has(execution)) events.push({ at, text: `ran, attempt ${attempt}` });
  const [first = history.startedAt, last = history.calmAt] = [
    Math.min(...events.map(({ at }) => at), Number.MAX_SAFE_INTEGER),
    Math.max(...events.map(({ at }) => at), 0),
  ];
  for (const { fault, target, from, to, note } of history.injected)
    if (from <= last + 15_000 && to >= first - 15_000)
      events.push({ at: from, text: `fault ${fault}: ${target} ${note ?? ''} until ${time(to)}` });
  const lines = events
    .sort((one, other) => one.at - other.at)
    .map(({ at, text }) => `    ${time(at)} ${text}`);
  for (const record of observed.executions)
    if (names.has(record.id)) lines.push(`    record ${JSON.stringify(record)}`);
  for (const outcome of observed.outcomes)
    if (names.has(outcome.execution)) lines.push(`    told   ${outcome.status}`);
  return [...lines, ...(await logged(names, logs))].slice(0, linesOfHistory).join('\n');
}

async function logged(names: ReadonlySet<string>, logs: string): Promise<string[]> {
  const found: string[] = [];
  for (const file of await readdir(logs).catch(() => []))
    for (const line of (await readFile(join(logs, file), 'utf8')).split('\n'))
      if ([...names].some((name) => line.includes(name))) found.push(`    ${file}: ${line.slice(0, 300)}`);
  return found;
}
