import { randomUUID } from 'node:crypto';
import {
  Consumer,
  MessagesStreamModes,
  ProduceAcks,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka';
import { keys, partitions, payload, type Loop } from './loop.ts';
import { makeTopics } from './make-topics.ts';

/** The other client for Node, used as its documentation shows. */
export async function platformaticLoop(broker: string): Promise<Loop> {
  const mark = randomUUID().slice(0, 8);
  const [requests, replies] = [`platformatic.requests.${mark}`, `platformatic.replies.${mark}`] as const;
  await makeTopics(broker, [requests, replies], partitions);
  const base = { clientId: 'platformatic', bootstrapBrokers: [broker] };
  const producer = () => new Producer({ ...base, serializers: stringSerializers });
  const consumer = (groupId: string) =>
    new Consumer({
      ...base,
      groupId: `${groupId}-${mark}`,
      maxWaitTime: 100,
      minBytes: 1,
      deserializers: stringDeserializers,
    });
  const [asking, answering] = [producer(), producer()];
  const [server, client] = [consumer('platformatic-server'), consumer('platformatic-client')];
  const follow = (of: typeof server, topic: string) =>
    of.consume({ topics: [topic], mode: MessagesStreamModes.LATEST, autocommit: 1_000, maxWaitTime: 100 });
  const [asked, answered] = await Promise.all([follow(server, requests), follow(client, replies)]);
  const waiting = new Map<string, () => void>();
  asked.on('data', ({ key, value, headers }) => {
    void answering.send({
      acks: ProduceAcks.ALL,
      messages: [{ topic: replies, key, value, headers: { id: headers.get('id') ?? '' } }],
    });
  });
  answered.on('data', ({ headers }) => waiting.get(headers.get('id') ?? '')?.());
  let next = 0;
  return {
    async call(): Promise<void> {
      const id = String(++next);
      await new Promise<void>((done, failed) => {
        waiting.set(id, done);
        asking
          .send({
            acks: ProduceAcks.ALL,
            messages: [{ topic: requests, key: `k${next % keys}`, value: payload, headers: { id } }],
          })
          .catch(failed);
      });
      waiting.delete(id);
    },
    close: async () => {
      await Promise.all([asked.close(), answered.close()]);
      await Promise.all([asking, answering, server, client].map((one) => one.close()));
    },
  };
}
