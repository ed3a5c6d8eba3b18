import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsISO8601,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Length,
  Max,
  Min,
} from 'class-validator';
import { serviceNames, type ServiceName } from '../topics.js';
import { IsInstant, Nullable } from './answers.js';
import { PageQuery } from './plugins.js';

export const deadLetterStatuses = ['waiting', 'replayed', 'discarded'] as const;
/** waiting: nobody has decided yet; replayed: given to its handler again; discarded: never again. */
export type DeadLetterStatus = (typeof deadLetterStatuses)[number];

export class DeadLetterQuery extends PageQuery {
  /** Whose handler failed. */
  @IsOptional() @IsIn(serviceNames) service?: ServiceName;
  /** The topic it came from. */
  @IsOptional() @IsString() @Length(1, 249) topic?: string;
  /** Code of the error that ended it. */
  @IsOptional() @IsString() @Length(1, 100) code?: string;
  @IsOptional() @IsUUID() tenantId?: string;
  @IsOptional() @IsIn(deadLetterStatuses) status?: DeadLetterStatus;
  @IsOptional() @IsISO8601() since?: string;
}

/** Which waiting messages are meant: those that fit all that is said. */
export class DeadLetterFilter {
  /** These and no others. */
  @IsOptional() @IsArray() @ArrayMaxSize(1_000) @IsUUID(undefined, { each: true }) ids?: string[];
  @IsOptional() @IsIn(serviceNames) service?: ServiceName;
  @IsOptional() @IsString() @Length(1, 249) topic?: string;
  @IsOptional() @IsString() @Length(1, 100) code?: string;
  @IsOptional() @IsUUID() tenantId?: string;
  @IsOptional() @IsISO8601() since?: string;
  /** At most so many in one go, 1 to 1,000; default 100. */
  @IsOptional() @IsInt() @Min(1) @Max(1_000) limit?: number;
}

export class DeadLetterDto {
  @IsUUID() id: string;
  @IsIn(deadLetterStatuses) status: DeadLetterStatus;
  /** Whose handler failed, and in which consumer group. */
  @IsString() service: string;
  @IsString() group: string;
  @IsString() topic: string;
  @IsString() @Nullable() key: string | null;
  /** Type and id of the event, when it has them. */
  @IsString() @Nullable() type: string | null;
  @IsString() @Nullable() eventId: string | null;
  @IsString() @Nullable() tenantId: string | null;
  @IsString() code: string;
  @IsString() reason: string;
  @IsInt() attempts: number;
  @IsInt() sizeBytes: number;
  @IsInstant() deadAt: string;
  /** When and by whom it was replayed or discarded. */
  @IsInstant() @Nullable() changedAt: string | null;
  @IsString() @Nullable() changedBy: string | null;
}

export class DeadLetterDetailDto extends DeadLetterDto {
  /** Where it stood. */
  @IsInt() partition: number;
  @IsString() offset: string;
  @IsObject() headers: Record<string, string>;
  /** The value as it came; what looks like a secret is `***`. */
  @IsString() @Nullable() value: string | null;
  @IsIn(['utf8', 'base64']) encoding: 'utf8' | 'base64';
  /** Something of it is not shown. */
  @IsBoolean() masked: boolean;
  /** Of the bytes as they came, lower-case hex. */
  @IsString() @Nullable() sha256: string | null;
}

export class DeadLettersChangedDto {
  @IsInt() changed: number;
  /** More wait that fit: ask again. */
  @IsBoolean() more: boolean;
}
