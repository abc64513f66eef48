// While a slider moves, only its latest value matters.
import { useEffect, useMemo, useRef } from "../vendor/preact-htm.js";
import { showError } from "../shell/toasts.js";

/** `sendLatest(wanted)` runs `work(wanted, signal)`, one call at a time. Of the values that arrive
 * meanwhile, only the latest is kept.
 *
 * Aborting the running call at every move would show nothing until the slider stops. It is aborted only if `same` says
 * that the new value has nothing in common with it: another model, other faces. */
export function useLatestRequest(work, same = () => true) {
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
          showError(error);
        }
      }
      running = null;
      const next = waiting;
      waiting = null;
      if (next !== null && !gone) run(next);
    }
    return {
      sendLatest(wanted) {
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
  return queue.sendLatest;
}
