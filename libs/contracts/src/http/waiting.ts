import { IsIn, IsInt, IsOptional, IsString, IsUUID, Length } from 'class-validator';
import { serviceNames, type ServiceName } from '../topics.js';
import { IsInstant, Nullable } from './answers.js';
import { PageQuery } from './plugins.js';

const reasonsToWait = ['parked', 'delayed'] as const;
/** parked: its handler could not do it for a minute; delayed: a retry, or work beyond a tenant's share. */
type WhyWaiting = (typeof reasonsToWait)[number];

export class WaitingQuery extends PageQuery {
  /** In whose outbox it waits. */
  @IsOptional() @IsIn(serviceNames) service?: ServiceName;
  @IsOptional() @IsIn(reasonsToWait) why?: WhyWaiting;
  @IsOptional() @IsString() @Length(1, 249) topic?: string;
  @IsOptional() @IsUUID() tenantId?: string;
}

/** A message that is to be handled at a later time. */
export class WaitingDto {
  @IsUUID() id: string;
  @IsIn(serviceNames) service: string;
  @IsIn(reasonsToWait) why: WhyWaiting;
  /** Parked: the consumer group whose handler gets it again. */
  @IsString() @Nullable() group: string | null;
  @IsString() topic: string;
  @IsString() @Nullable() key: string | null;
  /** Type and id of the event, when it has them. */
  @IsString() @Nullable() type: string | null;
  @IsString() @Nullable() eventId: string | null;
  @IsString() @Nullable() tenantId: string | null;
  /** How often its handler was given it. */
  @IsInt() attempts: number;
  /** Why its handler could not do it. */
  @IsString() @Nullable() reason: string | null;
  @IsInt() sizeBytes: number;
  @IsInstant() since: string;
  @IsInstant() dueAt: string;
}
