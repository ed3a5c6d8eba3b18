import { Controller } from '@nestjs/common';
import { OnEvent } from '@mortise/bus';
import { InstallationUninstalled, type InstallationData } from '@mortise/contracts';
import { Schedules } from './schedules.service.js';

/** What an uninstall means for jobs. */
@Controller()
export class SchedulesController {
  constructor(private readonly schedules: Schedules) {}

  @OnEvent(InstallationUninstalled)
  async uninstalled(event: { data: InstallationData }): Promise<void> {
    await this.schedules.drop(event.data.tenantId, event.data.installationId);
  }
}
