export type LaneName = 'interactive' | 'background';

/** What runs of one installation, in all lanes of this process. */
export interface Gate {
  running: number;
  background: number;
  /** The most that may run: its limit `concurrency`. */
  most: number;
}

/**
 * The part of an installation's places that background runs may take: a quarter stays for calls that somebody waits
 * for, unless there is one place only.
 */
export const backgroundShare = (most: number): number => Math.max(1, Math.floor((most * 3) / 4));

/** May one more of the installation start in this lane? */
export const isOpen = (gate: Gate, lane: LaneName): boolean =>
  gate.running < gate.most && (lane === 'interactive' || gate.background < backgroundShare(gate.most));

/** The gates of the installations that have something running or waiting. */
export class Gates {
  private readonly gates = new Map<string, Gate & { users: number }>();

  /** The same gate for every lane; to be given back with `free`. */
  use(installationId: string): Gate {
    let gate = this.gates.get(installationId);
    if (!gate) this.gates.set(installationId, (gate = { running: 0, background: 0, most: 1, users: 0 }));
    gate.users += 1;
    return gate;
  }

  free(installationId: string): void {
    const gate = this.gates.get(installationId);
    if (gate && --gate.users === 0) this.gates.delete(installationId);
  }

  get size(): number {
    return this.gates.size;
  }
}
