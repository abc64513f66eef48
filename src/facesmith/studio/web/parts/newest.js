// While a slider moves, only its newest place matters.
import { useEffect, useMemo, useRef } from "../vendor/preact-htm.js";
import { say } from "../shell/toasts.js";

/** `wish(wanted)` runs `work(wanted, signal)`, one at a time: what comes meanwhile waits, and only the newest of it.
 *
 * Dropping what runs at every move would show nothing until the slider rests. It is dropped where `same` says that what
 * is wanted now has nothing to do with it: another model, other faces. */
export function useNewest(work, same = () => true) {
  const latest = useRef();
  latest.current = work;
  const queue = useMemo(() => {
    let running = null;
    let waiting = null;
    let gone = false;
    async function run(wanted) {
      running = { wanted, control: new AbortController() };
      try {
        await latest.current(wanted, running.control.signal);
      } catch (error) {
        if (error.status === 429 && !gone) {
          await new Promise((done) => setTimeout(done, 1000 * Math.max(1, error.after)));
          waiting ??= wanted;
        } else if (!gone) {
          say(error);
        }
      }
      running = null;
      const next = waiting;
      waiting = null;
      if (next !== null && !gone) run(next);
    }
    return {
      wish(wanted) {
        if (!running) return void run(wanted);
        waiting = wanted;
        if (!same(running.wanted, wanted)) running.control.abort();
      },
      stop() {
        gone = true;
        running?.control.abort();
      },
    };
  }, []);
  useEffect(() => queue.stop, []);
  return queue.wish;
}
