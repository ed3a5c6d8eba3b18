import { Controller } from '@nestjs/common';
import { OnEvent } from '@mortise/bus';
import { InstallationUninstalled, type InstallationData } from '@mortise/contracts';
import { StorageLife } from './storage-life.js';

/** What an uninstall means for stored data. */
@Controller()
export class StorageController {
  constructor(private readonly life: StorageLife) {}

  @OnEvent(InstallationUninstalled)
  async uninstalled(event: { data: InstallationData }): Promise<void> {
    const { tenantId, installationId, keepData } = event.data;
    await this.life.uninstalled(tenantId, installationId, keepData !== false);
  }
}
