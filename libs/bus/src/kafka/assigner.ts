import type { GroupMember, PartitionAssigner } from 'kafkajs';
import { kafkajs } from './kafkajs.js';
import { shareSticky, type Claimant } from './sticky.js';

const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;
const nothing = Buffer.alloc(0);

/**
 * Gives every member the same partitions. kafkajs cannot assign partitions without a group, so an instance that wants
 * certain ones makes a group of its own and chooses them itself.
 */
export const pinnedAssigner =
  (partitions: readonly number[]): PartitionAssigner =>
  () => ({
    name: 'mortise-pinned',
    version: 1,
    assign: async ({ members, topics }) =>
      members.map(({ memberId }) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({
          version: 1,
          assignment: Object.fromEntries(topics.map((topic) => [topic, [...partitions]])),
          userData: nothing,
        }),
      })),
    protocol: ({ topics }) => ({
      name: 'mortise-pinned',
      metadata: MemberMetadata.encode({ version: 1, topics, userData: nothing }),
    }),
  });

/** What a member tells the others when it joins. */
export type Claim = Omit<Claimant, 'id'>;

/**
 * Each member says what it has; the leader leaves as much of it as an even share allows.
 * @param claim read at each join; a group has one topic
 */
export const stickyAssigner =
  (claim: () => Claim): PartitionAssigner =>
  ({ cluster }) => ({
    name: 'mortise-sticky',
    version: 1,
    assign: async ({ members, topics }) => {
      const claimants = members.map(claimantOf);
      const assigned = new Map(members.map(({ memberId }) => [memberId, {}]));
      for (const topic of topics)
        for (const [id, share] of shareSticky(claimants, cluster.findTopicPartitionMetadata(topic).length))
          Object.assign(assigned.get(id) ?? {}, { [topic]: share });
      return [...assigned].map(([memberId, assignment]) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({ version: 1, assignment, userData: nothing }),
      }));
    },
    protocol: ({ topics }) => ({
      name: 'mortise-sticky',
      metadata: MemberMetadata.encode({
        version: 1,
        topics,
        userData: Buffer.from(JSON.stringify(claim())),
      }),
    }),
  });

/** What cannot be read claims nothing: it then gets a share like a newcomer. */
function claimantOf({ memberId, memberMetadata }: GroupMember): Claimant {
  try {
    const text = MemberMetadata.decode(memberMetadata)?.userData.toString() ?? '';
    const { partitions, since } = JSON.parse(text) as Partial<Claim>;
    const isClaim =
      Array.isArray(partitions) && partitions.every((one) => Number.isSafeInteger(one) && one >= 0);
    if (isClaim && typeof since === 'number') return { id: memberId, partitions, since };
  } catch {
    // Falls through to claiming nothing.
  }
  return { id: memberId, partitions: [], since: 0 };
}
