import { EventEmitter } from 'node:events';

/** Says that lines of an installation were stored, to whoever follows them in this process. */
export class LogFeed {
  private readonly emitter = new EventEmitter().setMaxListeners(0);

  stored(installationIds: Iterable<string>): void {
    for (const id of new Set(installationIds)) this.emitter.emit(id);
  }

  /** @returns ends it */
  onStored(installationId: string, listener: () => void): () => void {
    this.emitter.on(installationId, listener);
    return () => this.emitter.off(installationId, listener);
  }
}
