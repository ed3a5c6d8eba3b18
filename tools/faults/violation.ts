/** Something that was promised and does not hold. */
export interface Violation {
  rule: string;
  /** The id or nonce whose history tells what happened. */
  subject: string;
  what: string;
}
