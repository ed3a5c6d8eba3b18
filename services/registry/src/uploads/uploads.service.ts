import { Injectable } from '@nestjs/common';
import { readPackage, type Package } from '@mortise/bundle';
import type { Principal } from '@mortise/contracts';
import { AppError, newId } from '@mortise/service-kit';
import { Inspector } from './inspector.js';
import { Packages } from './packages.js';
import { Publish, type Published } from './publish.js';
import type { Spooled } from './spool.js';

/** From a file on disk to a published version, or nothing at all. */
@Injectable()
export class UploadsService {
  constructor(
    private readonly packages: Packages,
    private readonly inspector: Inspector,
    private readonly publisher: Publish,
  ) {}

  /** @throws AppError of the packages section */
  async publish(caller: Principal, spooled: Spooled): Promise<Published> {
    const bundle = await judged(spooled);
    const there = await this.publisher.existing(caller, bundle);
    if (there) return there;
    const object = await this.packages.stage(newId(), spooled);
    try {
      const { functions = {}, main } = bundle.manifest;
      const names = Object.entries(functions).map(([name, fn]) => fn.handler ?? name);
      if (names.length > 0)
        await this.inspector.inspect(caller.tenantId, {
          digest: bundle.digest,
          object,
          main,
          functions: [...new Set(names)],
        });
      return await this.publisher.publish(caller, bundle, () => this.packages.keep(object, bundle.digest));
    } finally {
      await this.packages.unstage(object);
    }
  }
}

async function judged(spooled: Spooled): Promise<Package> {
  const verdict = await readPackage(spooled.path);
  if (verdict.ok) return verdict.package;
  throw new AppError(verdict.code, verdict.details ?? {}, { errors: verdict.errors });
}
