const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Can it be the id of a row? Anything else names nothing, and the database would refuse the question. */
export const isId = (text: string): boolean => uuid.test(text);
