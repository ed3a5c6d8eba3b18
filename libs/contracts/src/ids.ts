/** Milliseconds since 1970 that a UUIDv7 or one of our UUIDv8s carries in its first 48 bits. */
export const uuidTime = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
