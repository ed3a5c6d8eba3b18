import { matchesEventPattern, type ExecuteCommand, type InstallationStateData } from '@mortise/contracts';

/** Runs things of one lane one after the other, in the order they came; lanes know nothing of each other. */
export class OrderedLanes {
  private readonly tails = new Map<string, Promise<void>>();

  run(lane: string | undefined, work: () => Promise<void>): Promise<void> {
    if (lane === undefined) return work();
    const before = this.tails.get(lane);
    const mine = before ? before.then(work, work) : work();
    const tail = mine
      .catch(() => {})
      .finally(() => {
        if (this.tails.get(lane) === tail) this.tails.delete(lane);
      });
    this.tails.set(lane, tail);
    return mine;
  }
}

/** The lane of an event whose subscription says `ordered`: one function of one installation. */
export function laneOf(
  installation: InstallationStateData | undefined,
  command: ExecuteCommand,
): string | undefined {
  if (command.trigger !== 'event') return undefined;
  const ordered = installation?.events.some(
    (event) =>
      event.ordered === true &&
      event.function === command.function &&
      [event.on].flat().some((pattern) => matchesEventPattern(pattern, command.triggerName ?? '')),
  );
  return ordered ? `${command.installationId}/${command.function}` : undefined;
}
