import { Module, type DynamicModule } from '@nestjs/common';
import { StorageController } from './storage/storage.controller.js';
import { StorageLife } from './storage/storage-life.js';

/** What Nest wires in the executor: lifecycle events and health. The hot paths go to the bus directly. */
@Module({})
export class ExecutorModule {
  static of(life: StorageLife): DynamicModule {
    return {
      module: ExecutorModule,
      controllers: [StorageController],
      providers: [{ provide: StorageLife, useValue: life }],
    };
  }
}
