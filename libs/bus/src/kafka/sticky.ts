/** A member of a group, with what it had when it asked to join. */
export interface Claimant {
  id: string;
  partitions: readonly number[];
  /** When it got them, ms since 1970: of two that claim the same partition the later one has it. */
  since: number;
}

/**
 * Shares partitions evenly (the counts differ by one at most) and moves as few as an even share allows: what stays
 * where it was finds its isolates warm and its queue in order.
 */
export function shareSticky(members: readonly Claimant[], partitionCount: number): Map<string, number[]> {
  const owned = ownedBy(members, partitionCount);
  const least = Math.floor(partitionCount / members.length);
  const withOneMore = partitionCount % members.length;
  // Whoever has most keeps most: the shares that are one larger go to those who would lose one otherwise.
  const byOwned = [...owned].sort(([one, a], [two, b]) => b.length - a.length || (one < two ? -1 : 1));

  const shares = new Map<string, number[]>();
  const free = new Set(Array.from({ length: partitionCount }, (_, partition) => partition));
  byOwned.forEach(([id, partitions], index) => {
    const share = partitions.slice(0, index < withOneMore ? least + 1 : least);
    shares.set(id, share);
    for (const partition of share) free.delete(partition);
  });
  const left = [...free].values();
  byOwned.forEach(([id], index) => {
    const share = shares.get(id) as number[];
    const quota = index < withOneMore ? least + 1 : least;
    while (share.length < quota) share.push(left.next().value as number);
  });
  return shares;
}

function ownedBy(members: readonly Claimant[], partitionCount: number): Map<string, number[]> {
  const owners = new Map<number, Claimant>();
  for (const member of members)
    for (const partition of member.partitions) {
      const other = owners.get(partition);
      if (partition < partitionCount && (!other || other.since < member.since)) owners.set(partition, member);
    }
  const owned = new Map(members.map(({ id }) => [id, [] as number[]]));
  for (const [partition, { id }] of [...owners].sort(([a], [b]) => a - b)) owned.get(id)?.push(partition);
  return owned;
}
