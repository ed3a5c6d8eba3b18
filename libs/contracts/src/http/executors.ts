import { Type } from 'class-transformer';
import { IsArray, IsBoolean, IsIn, IsInt, IsNumber, IsString, ValidateNested } from 'class-validator';
import { IsInstant, Nullable } from './answers.js';

const wallTools = ['bubblewrap', 'unshare', 'setpriv', 'none'] as const;
const workerLanes = ['fast', 'slow'] as const;

/** What stands around each worker process beside the isolate. */
export class WallsDto {
  /** What closes it in. */
  @IsIn(wallTools) tool: (typeof wallTools)[number];
  /** No network; with bubblewrap no processes and files of the machine either. */
  @IsBoolean() namespaces: boolean;
  /** System calls that a worker never needs are refused. */
  @IsBoolean() seccomp: boolean;
  /** Each worker runs as a user of its own. */
  @IsBoolean() ownUser: boolean;
  /** Workers die with their executor, whatever becomes of it. */
  @IsBoolean() parentDeathSignal: boolean;
  @IsBoolean() noNewPrivileges: boolean;
  /** Node's permission model. */
  @IsBoolean() nodePermissions: boolean;
  /** V8 makes no machine code of plugins. */
  @IsBoolean() jitless: boolean;
}

/** A worker process. */
export class WorkerDto {
  /** Its place among the workers, from 0. */
  @IsInt() slot: number;
  /** 0 while it starts. */
  @IsInt() pid: number;
  /** Whose code it runs: a tenant, or a tenant and a package digest; null for a spare one. */
  @IsString() @Nullable() cordon: string | null;
  @IsIn(workerLanes) @Nullable() lane: (typeof workerLanes)[number] | null;
  /** Isolates with a plugin in them. */
  @IsInt() warmIsolates: number;
  /** Isolates made ahead. */
  @IsInt() blankIsolates: number;
  @IsInt() inFlight: number;
  /** Since it started. */
  @IsInt() executions: number;
  @IsInt() memoryMb: number;
  /** It gets no more work and ends when it has done what it has. */
  @IsBoolean() draining: boolean;
}

/** What runs and waits in one of an executor's two queues. */
export class QueueDto {
  @IsInt() running: number;
  @IsInt() waiting: number;
  /** How long the first of those that wait has waited. */
  @IsInt() oldestWaitMs: number;
}

export class QueuesDto {
  /** What callers wait for. */
  @ValidateNested() @Type(() => QueueDto) interactive: QueueDto;
  @ValidateNested() @Type(() => QueueDto) background: QueueDto;
  /** Runs that have their turn and wait for a worker process. */
  @ValidateNested() @Type(() => QueueDto) workers: QueueDto;
}

export class EndedDto {
  @IsString() reason: string;
  @IsInt() workers: number;
}

export class TenantCpuDto {
  /** The tenant's id, or `other`. */
  @IsString() tenant: string;
  @IsNumber() cpuMs: number;
}

/** One executor as it is now. */
export class ExecutorStateDto {
  @IsString() instance: string;
  @IsInstant() at: string;
  @ValidateNested() @Type(() => WallsDto) walls: WallsDto;
  /** Whose code may share a worker: EXECUTOR_CORDON. */
  @IsString() cordon: string;
  @IsInt() workersMax: number;
  @IsArray() @ValidateNested({ each: true }) @Type(() => WorkerDto) workers: WorkerDto[];
  @ValidateNested() @Type(() => QueuesDto) queues: QueuesDto;
  /** Plugins in the slow lane. */
  @IsInt() slowPlugins: number;
  /** Plugins loaded because a run needed them, since the start. */
  @IsInt() coldStarts: number;
  /** Runs done again because their worker died under them, since the start. */
  @IsInt() retries: number;
  /** Worker processes that ended since the start, by reason; all but `retired` are kills. */
  @IsArray() @ValidateNested({ each: true }) @Type(() => EndedDto) ended: EndedDto[];
  /** Processor time of the tenants that used most in the last whole minute, all others as `other`. */
  @IsArray() @ValidateNested({ each: true }) @Type(() => TenantCpuDto) tenantCpu: TenantCpuDto[];
}

export class ExecutorsDto {
  /** Those that answered in time, by instance. */
  @IsArray() @ValidateNested({ each: true }) @Type(() => ExecutorStateDto) executors: ExecutorStateDto[];
}
