import type { CloudEvent, Context } from '@mortise/sdk';

interface NewUser {
  id: string;
  name?: string;
}

/** Runs for `auth.user.created`. Events come at least once, so a user who was greeted is left alone. */
export async function greetUser(event: CloudEvent<NewUser>, ctx: Context): Promise<{ greeted: boolean }> {
  const user = event.data;
  if (!user?.id) throw new Error('the event carries no user id');
  if (await ctx.storage.get(`greeted/${user.id}`)) return { greeted: false };
  ctx.log.info(`Welcome, ${user.name ?? user.id}!`, { userId: user.id });
  // First the event, then the note: a crash between them greets twice rather than never.
  await ctx.events.emit('welcome.greeted', { userId: user.id });
  await ctx.storage.set(`greeted/${user.id}`, { eventId: event.id });
  await ctx.storage.set('count', ((await ctx.storage.get<number>('count')) ?? 0) + 1);
  return { greeted: true };
}

/** How many users were greeted so far. */
export async function greetings(_input: unknown, ctx: Context): Promise<{ count: number }> {
  return { count: (await ctx.storage.get<number>('count')) ?? 0 };
}
