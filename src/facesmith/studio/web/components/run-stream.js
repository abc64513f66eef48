// Runs, loaded once and then updated by one event stream for all.
import { useEffect, useState } from "../vendor/preact-htm.js";
import { request, events } from "../shell/api.js";

const MAX_ROWS = 4000; // of a table; a longer one is loaded again, downsample by the server

const pause = (ms, signal) =>
  new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), done()), { once: true });
  });

async function load(name, signal) {
  const [info, metrics] = await Promise.all([
    request(`/runs/${name}`, { signal }),
    request(`/runs/${name}/metrics`, { signal }),
  ]);
  const sheets = await request(`/runs/${name}/sheets`, { signal }); // after the mark: a sheet comes twice rather than never
  return { name, info, metrics, sheets, mark: metrics.mark };
}

/** A stopped training ends once its video and report are written. */
const isEnding = (run) => run.info.here && run.info.status !== "running";

/** Append rows to a table; missing values are null. */
function appendRows(table = {}, rows) {
  const [before, more] = [table, rows].map((of) => Object.values(of)[0]?.length ?? 0);
  const blank = (count) => Array(count).fill(null);
  const names = new Set([...Object.keys(table), ...Object.keys(rows)]);
  return Object.fromEntries([...names].map((name) => [name, [...(table[name] ?? blank(before)), ...(rows[name] ?? blank(more))]]));
}

function applyEvent(run, event, data) {
  const { run: _, mark, ...about } = data;
  const next = { ...run, mark };
  if (event === "status") next.info = { ...run.info, ...about };
  if (event === "sheet" && !run.sheets.some((item) => item.sheet === about.sheet)) next.sheets = [...run.sheets, about];
  if (event === "metrics") {
    const tables = { ...run.metrics.tables };
    for (const [name, rows] of Object.entries(about)) tables[name] = appendRows(tables[name], rows);
    next.metrics = { ...run.metrics, tables };
  }
  return next;
}

/** Whether a run must be loaded again: it was rolled back, it ended or resumed, or has new columns. */
function mustReload(run, event, data) {
  if (event === "cut") return true;
  if (event === "status") return run.info.status !== data.status;
  if (event !== "metrics") return false;
  const tables = run.metrics.tables;
  return Object.entries(data).some(
    ([name, rows]) =>
      typeof rows === "object" &&
      ((tables[name]?.step?.length ?? 0) > MAX_ROWS || Object.keys(rows).some((column) => !(column in (tables[name] ?? {})))),
  );
}

async function follow(names, set, signal) {
  const put = (name, run) => signal.aborted || set((runs) => ({ ...runs, [name]: run }));
  const runs = {};
  const reload = async (name) => put(name, (runs[name] = await load(name, signal)));
  const reloadUntilEnded = async (name) => {
    for (await reload(name); !signal.aborted && runs[name] && isEnding(runs[name]); await reload(name)) await pause(2000, signal);
  };
  const failed = (name) => (error) => put(name, { name, error });
  const first = names.map((name) => reload(name).catch(failed(name)));
  await Promise.all(first);
  while (!signal.aborted) {
    const there = Object.keys(runs);
    if (!there.length) return;
    try {
      const query = { run: there.map((name) => `${name}@${runs[name].mark}`) };
      for await (const { event, data } of events("/watch", { query, signal })) {
        const name = data.run;
        if (event === "gone") {
          delete runs[name];
          put(name, { name, error: new Error(`${name} no longer exists.`) });
        } else if (mustReload(runs[name], event, data)) {
          await reload(name);
          if (isEnding(runs[name])) reloadUntilEnded(name).catch(() => {});
        } else put(name, (runs[name] = applyEvent(runs[name], event, data)));
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error.status === 404) return;
    }
    await pause(3000, signal);
  }
}

/** Runs by name, each {info, metrics, sheets} or {error}; `live` keeps them up to date. */
export function useRuns(names, { live = true } = {}) {
  const [runs, setRuns] = useState({});
  useEffect(() => {
    const control = new AbortController();
    setRuns((before) => Object.fromEntries(names.filter((name) => before[name]?.info).map((name) => [name, before[name]])));
    if (live) follow(names, setRuns, control.signal);
    else
      for (const name of names)
        load(name, control.signal).then(
          (run) => setRuns((all) => ({ ...all, [name]: run })),
          (error) => control.signal.aborted || setRuns((all) => ({ ...all, [name]: { name, error } })),
        );
    return () => control.abort();
  }, [names.join(" "), live]);
  return runs;
}
