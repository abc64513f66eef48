// The address is the state: what a page shows is read from it, and what a visitor changes is written into it.
import { useState, useEffect, useMemo } from "../vendor/preact-htm.js";

const listeners = new Set();
const left = {}; // path: the query it had when it was left, so that a page is found again as it was
let path = location.pathname;
let query = new URLSearchParams(location.search);
let writing = 0;

const tell = () => listeners.forEach((listener) => listener());

function search(of) {
  // Colons and commas are fine in a query and easier to read.
  const text = of.toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
  return text ? `?${text}` : "";
}

function write() {
  clearTimeout(writing);
  writing = 0;
  left[path] = search(query);
  const wanted = path + left[path];
  if (wanted !== location.pathname + location.search) history.replaceState(null, "", wanted);
}

/** Go to a page of the studio: "/photo", or with a query. */
export function go(href) {
  write();
  const url = new URL(href, location.origin);
  if (url.href !== location.href) history.pushState(null, "", url.href);
  [path, query] = [url.pathname, url.searchParams];
  left[path] = search(query);
  tell();
}

/** The address of a page as it was last seen. */
export const lastSeen = (of) => of + (left[of] ?? "");

/** The whole address as it is now, also where it was just changed. */
export function here() {
  write();
  return location.href;
}

addEventListener("popstate", () => {
  clearTimeout(writing);
  writing = 0;
  [path, query] = [location.pathname, new URLSearchParams(location.search)];
  tell();
});
addEventListener("pagehide", () => writing && write());

addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!link || !plain || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
  if (link.origin !== location.origin || link.pathname.startsWith("/api/") || link.hash) return;
  event.preventDefault();
  go(link.href);
});

function useTold() {
  const [, set] = useState(0);
  useEffect(() => {
    const listener = () => set((count) => count + 1);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, []);
}

export function usePath() {
  useTold();
  return path;
}

/** The fields of a page (see fields.js) as [state, change]; `change({ seed: 8 })` changes some of them.
 *
 * Sliders change the address many times a second, which browsers refuse: it is written a moment later. With
 * `{ push: true }` it is written at once, as something that the Back button takes back. */
export function useAddress(fields) {
  useTold();
  const text = query.toString();
  const state = useMemo(() => {
    const values = Object.entries(fields).map(([name, field]) => [name, field.read(query.getAll(name))]);
    return Object.fromEntries(values);
  }, [text]);
  const change = useMemo(
    () =>
      (changed, { push = false } = {}) => {
        if (push && writing) write();
        for (const [name, value] of Object.entries(changed)) {
          query.delete(name);
          for (const one of fields[name].write(value)) query.append(name, one);
        }
        if (push) {
          const wanted = path + search(query);
          if (wanted !== location.pathname + location.search) history.pushState(null, "", wanted);
          left[path] = search(query);
        } else if (!writing) {
          writing = setTimeout(write, 250);
        }
        tell();
      },
    [],
  );
  return [state, change];
}
