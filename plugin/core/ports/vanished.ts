/** Port to what we remember of the desk's records that may be gone or somebody else's by now. */
export interface Vanished {
  /** Conversations into which rows of customers were written within the last seconds. */
  writtenWithin(numberId: number, seconds: number): Promise<number[]>
  /** The contact that we know for each of these conversations. */
  contactsOf(numberId: number, conversationIds: number[]): Promise<Map<number, number>>
  /** The contact was merged into another one; only while it is still the one that we knew. */
  rebind(numberId: number, conversationId: number, was: number, contactId: number): Promise<boolean>
  /**
   * The conversation is gone. What customers wrote into it within the last seconds, and no agent answered, waits anew,
   * once; parked answers of it are recalled.
   */
  forget(numberId: number, conversationId: number, seconds: number): Promise<{ anew: number; recalled: number }>
}
