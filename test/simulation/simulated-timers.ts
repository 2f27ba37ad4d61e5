import type {Timers} from '#src/base/clock.js';
import type {Actor} from './scheduler.ts';
import type {World} from './world.ts';

/** Timers of one thread in virtual time. `lagMillis`: how late everything is that the thread does. */
export function timersOf(world: World, actor: Actor, lagMillis = (): number => 0): Timers {
  const {scheduler} = world;
  return {
    after(millis, action) {
      const event = scheduler.after(actor, millis + lagMillis(), 'timer', action);
      return {
        cancel() {
          event.cancelled = true;
        },
      };
    },
    yield: async () =>
      new Promise((resolve) => {
        scheduler.after(actor, lagMillis(), 'yield', resolve);
      }),
  };
}
