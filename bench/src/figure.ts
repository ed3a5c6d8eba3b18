/** What one figure's run gives; the runner adds ratio and verdict. */
export interface Measured {
  value: number;
  /** The floor or peer, measured interleaved in the same run; absent for absolute figures. */
  referenceValue?: number;
  /** Every round, ours and the reference's. */
  rounds: { value: number; reference?: number }[];
  /** What a reader must know to read the number. */
  note?: string;
}

export interface Figure {
  id: string;
  what: string;
  unit: string;
  reference?: string;
  /** In words, as PERFORMANCE has it. */
  target: string;
  /** Does it hold? `ratio` is value / referenceValue; NaN without reference. */
  ok: (measured: { value: number; ratio: number }) => boolean;
  measure(): Promise<Measured>;
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
};

export const percentile = (values: readonly number[], share: number): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number;
};

/** Ours and the reference in turn, A B A B, after one round of each that does not count. */
export async function interleave(
  rounds: number,
  ours: () => Promise<number>,
  reference: () => Promise<number>,
): Promise<Measured> {
  await ours();
  await reference();
  const measured: { value: number; reference: number }[] = [];
  for (let round = 0; round < rounds; round++)
    measured.push({ value: await ours(), reference: await reference() });
  return {
    value: median(measured.map(({ value }) => value)),
    referenceValue: median(measured.map((round) => round.reference)),
    rounds: measured,
  };
}

export async function repeat(rounds: number, ours: () => Promise<number>): Promise<Measured> {
  await ours();
  const measured: { value: number }[] = [];
  for (let round = 0; round < rounds; round++) measured.push({ value: await ours() });
  return { value: median(measured.map(({ value }) => value)), rounds: measured };
}
