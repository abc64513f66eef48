// While a slider moves, only its latest value matters.
import { useEffect, useMemo, useRef } from "../vendor/preact-htm.js";
import { showError } from "../shell/toasts.js";

/** `sendLatest(value)` runs `work(value, signal)`, one call at a time. Of the values that arrive
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
    let isClosed = false;
    async function run(value) {
      running = { value, control: new AbortController() };
      try {
        await latest.current(value, running.control.signal);
      } catch (error) {
        if (error.status === 429 && !isClosed) {
          await new Promise((done) => setTimeout(done, 1000 * Math.max(1, error.after)));
          waiting ??= value;
        } else if (!isClosed) {
          showError(error);
        }
      }
      running = null;
      const next = waiting;
      waiting = null;
      if (next !== null && !isClosed) run(next);
    }
    return {
      sendLatest(value) {
        if (!running) return void run(value);
        waiting = value;
        if (!same(running.value, value)) running.control.abort();
      },
      stop() {
        isClosed = true;
        running?.control.abort();
      },
    };
  }, []);
  useEffect(() => queue.stop, []);
  return queue.sendLatest;
}
