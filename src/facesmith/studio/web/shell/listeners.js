// State that lives outside of components: those that call `useChanges` are rendered again after each `notify`.
import { useEffect, useState } from "../vendor/preact-htm.js";

export function createListeners() {
  const listeners = new Set();
  return {
    notify: () => listeners.forEach((listener) => listener()),
    useChanges() {
      const [, setCount] = useState(0);
      useEffect(() => {
        const listener = () => setCount((count) => count + 1);
        listeners.add(listener);
        return () => listeners.delete(listener);
      }, []);
    },
  };
}
