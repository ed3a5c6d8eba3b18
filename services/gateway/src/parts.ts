/** Injection tokens of what start() makes and has no class of its own. */
export const clockToken = Symbol('clock');
export const loggerToken = Symbol('logger');
