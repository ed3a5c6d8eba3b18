import kafkajs, { type PartitionAssigner } from 'kafkajs';

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
        memberAssignment: kafkajs.AssignerProtocol.MemberAssignment.encode({
          version: 1,
          assignment: Object.fromEntries(topics.map((topic) => [topic, [...partitions]])),
          userData: Buffer.alloc(0),
        }),
      })),
    protocol: ({ topics }) => ({
      name: 'mortise-pinned',
      metadata: kafkajs.AssignerProtocol.MemberMetadata.encode({
        version: 1,
        topics,
        userData: Buffer.alloc(0),
      }),
    }),
  });
