import type { Bus, Received } from '@mortise/bus';
import { headers, InspectCommand, type InspectReply } from '@mortise/contracts';
import type { InspectResult, Sandbox } from '@mortise/sandbox';
import type { Clock } from '@mortise/service-kit';
import { readCommand } from '../interactive/read-command.js';
import type { Sources } from '../packages/sources.js';

export interface InspectParts {
  bus: Bus;
  sources: Sources;
  sandbox: Sandbox;
  clock: Clock;
}

/** Loads a staged package with no capabilities at all and says what it exports. */
export class Inspections {
  constructor(private readonly parts: InspectParts) {}

  /** @throws AppError when the package cannot be read from the store: tried again until the deadline */
  async inspect(record: Received): Promise<void> {
    const { sources, sandbox, bus, clock } = this.parts;
    const deadline = Number(record.headers[headers.deadline] ?? Infinity);
    if (clock.now() >= deadline) return;
    const command = readCommand(InspectCommand, record);
    const source = await sources.read(command.object, command.digest, command.main);
    // A cordon of its own, apart from what the tenant runs: nobody has agreed to this code yet.
    const cordon = `inspect/${record.headers[headers.tenantId] ?? command.digest}`;
    const result = await sandbox.inspect(source, command.functions, cordon);
    // No fault of the package: the asker's deadline says that no executor had room.
    if (result.error?.code === 'NO_CAPACITY') return;
    bus.reply(record, Buffer.from(JSON.stringify(replyOf(result))), { [headers.status]: 'succeeded' });
  }
}

const replyOf = (result: InspectResult): InspectReply => ({
  ok: result.ok && !result.missing?.length,
  ...(result.missing && { missing: result.missing }),
  ...(result.error && { error: result.error }),
});
