import kafkajs from 'kafkajs';

/** Makes topics and waits until a broker leads each partition. */
export async function makeTopics(
  broker: string,
  names: readonly string[],
  partitions: number,
): Promise<void> {
  const kafka = new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({
    waitForLeaders: false,
    topics: names.map((topic) => ({ topic, numPartitions: partitions })),
  });
  const led = async () => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [...names] });
    return topics.every(
      (topic) => topic.partitions.length > 0 && topic.partitions.every((one) => one.leader >= 0),
    );
  };
  while (!(await led().catch(() => false))) await new Promise((next) => setTimeout(next, 50));
  await admin.disconnect();
}
