import { Controller, Req, Res } from '@nestjs/common';
import type { Principal, UploadDto } from '@mortise/contracts';
import { Caller, Handles } from '@mortise/service-kit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { toVersionDto } from '../versions/view.js';
import { receivePackage } from './multipart.js';
import { Spool } from './spool.js';
import { UploadsService } from './uploads.service.js';

@Controller()
export class UploadsController {
  constructor(
    private readonly uploads: UploadsService,
    private readonly spool: Spool,
  ) {}

  @Handles('plugins.upload')
  async upload(
    @Caller() caller: Principal,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UploadDto> {
    const spooled = await receivePackage(request, this.spool);
    try {
      const { plugin, version, created } = await this.uploads.publish(caller, spooled);
      reply.status(created ? 201 : 200);
      return {
        plugin: { id: plugin.id, publisher: plugin.publisher, slug: plugin.slug, name: plugin.name },
        version: toVersionDto(version),
        warnings: version.warnings,
      };
    } finally {
      await this.spool.remove(spooled);
    }
  }
}
