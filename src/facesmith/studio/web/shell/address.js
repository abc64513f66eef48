// The address is the state: pages read it, and changes are written into it.
import { useEffect, useMemo } from "../vendor/preact-htm.js";
import { createListeners } from "./listeners.js";

// Behind a proxy that serves the studio under a sub-path, the prefix of all addresses; else "".
export const ROOT = import.meta.url.slice(location.origin.length, import.meta.url.lastIndexOf("/static/"));

const { notify, useChanges } = createListeners();
const lastQueries = {}; // path -> its last query, so that a page reopens in its last state
let path = location.pathname;
let query = new URLSearchParams(location.search);
let writing = 0;

function search(of) {
  // Colons and commas are fine in a query and easier to read.
  const text = of.toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
  return text ? `?${text}` : "";
}

function write() {
  clearTimeout(writing);
  writing = 0;
  lastQueries[path] = search(query);
  const target = path + lastQueries[path];
  if (target !== location.pathname + location.search) history.replaceState(history.state, "", target);
}

/** The address of a page of the studio: "/photo", or with a query. */
export const pageUrl = (page, query) => ROOT + page + (query ? `?${new URLSearchParams(query)}` : "");

/** Go to an address of `pageUrl`. */
export function navigate(href) {
  write();
  const url = new URL(href, location.origin);
  if (url.href !== location.href) history.pushState(null, "", url.href);
  [path, query] = [url.pathname, url.searchParams];
  lastQueries[path] = search(query);
  notify();
}

/** The address of a page with its last query. */
export const lastUrl = (of) => of + (lastQueries[of] ?? "");

/** Close a dialog: go back to the entry of the history that opened it, or `change` the address if no entry did. */
export function closeDialog(change) {
  if (!history.state?.dialog) return change();
  write();
  history.back();
}

/** The whole address, including changes not yet written. */
export function currentUrl() {
  write();
  return location.href;
}

addEventListener("popstate", () => {
  clearTimeout(writing);
  writing = 0;
  [path, query] = [location.pathname, new URLSearchParams(location.search)];
  notify();
});
addEventListener("pagehide", () => writing && write());

addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!link || !plain || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
  const isPage = link.pathname.startsWith(`${ROOT}/`) && !link.pathname.startsWith(`${ROOT}/api/`);
  if (link.origin !== location.origin || !isPage || link.hash) return;
  event.preventDefault();
  navigate(link.href);
});

export function usePath() {
  useChanges();
  return path;
}

const trails = {}; // path -> { past, now, future }: the queries of a page that were left for a moment
const SETTLED = 400; // milliseconds without a change, after which an address is worth going back to
const MAX_STEPS = 100;

/** Functions that undo and redo changes of this page's address, null where there is none. Fields in `without` are no
 * changes. */
export function useUndo(without = []) {
  useChanges();
  const current = new URLSearchParams(query);
  for (const name of without) current.delete(name);
  const text = current.toString();
  const trail = (trails[path] ??= { past: [], now: text, future: [] });
  useEffect(() => {
    const timer = setTimeout(() => {
      if (text === trail.now) return;
      trail.past = [...trail.past.slice(-MAX_STEPS), trail.now];
      [trail.now, trail.future] = [text, []];
      notify();
    }, SETTLED);
    return () => clearTimeout(timer);
  }, [text]);
  const go = (from, to) => () => {
    to.push(trail.now);
    trail.now = from.pop();
    query = new URLSearchParams(trail.now);
    write();
    notify();
  };
  return [trail.past.length ? go(trail.past, trail.future) : null, trail.future.length ? go(trail.future, trail.past) : null];
}

/** The fields of a page (see query-fields.js) as [state, change]; `change({ seed: 8 })` changes some of them.
 *
 * Sliders change the address many times a second, which browsers refuse: it is written a moment later. With
 * `{ push: true }` it is written at once, as something that the Back button takes back; with `{ push: "dialog" }` it
 * opens a dialog, which `closeDialog` closes. */
export function useAddress(fields) {
  useChanges();
  const text = query.toString();
  const state = useMemo(() => {
    const values = Object.entries(fields).map(([name, field]) => [name, field.read(query.getAll(name))]);
    return Object.fromEntries(values);
  }, [text]);
  const change = useMemo(
    () =>
      (changes, { push = false } = {}) => {
        if (push && writing) write();
        for (const [name, value] of Object.entries(changes)) {
          query.delete(name);
          for (const item of fields[name].write(value)) query.append(name, item);
        }
        if (push) {
          const target = path + search(query);
          if (target !== location.pathname + location.search) history.pushState({ dialog: push === "dialog" }, "", target);
          lastQueries[path] = search(query);
        } else if (!writing) {
          writing = setTimeout(write, 250);
        }
        notify();
      },
    [],
  );
  return [state, change];
}
