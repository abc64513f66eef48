// Runs as they stand, and what happens in them: loaded once, then told over one stream for all.
import { useEffect, useState } from "../vendor/preact-htm.js";
import { ask, events } from "../shell/api.js";

const MOST_ROWS = 4000; // of a table; beyond, it is asked for anew, and comes thinned

const pause = (ms, signal) =>
  new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), done()), { once: true });
  });

async function load(name, signal) {
  const [info, metrics] = await Promise.all([
    ask(`/runs/${name}`, { signal }),
    ask(`/runs/${name}/metrics`, { signal }),
  ]);
  const sheets = await ask(`/runs/${name}/sheets`, { signal }); // after the mark: a sheet comes twice rather than never
  return { name, info, metrics, sheets, mark: metrics.mark };
}

/** Told to stop, a training ends only once its film and its report are written. */
const ending = (run) => run.info.here && run.info.status !== "running";

/** Rows put below a table; a column that is new, or missing, is empty there. */
function joined(table = {}, rows) {
  const [before, more] = [table, rows].map((of) => Object.values(of)[0]?.length ?? 0);
  const blank = (count) => Array(count).fill(null);
  const names = new Set([...Object.keys(table), ...Object.keys(rows)]);
  return Object.fromEntries([...names].map((name) => [name, [...(table[name] ?? blank(before)), ...(rows[name] ?? blank(more))]]));
}

function told(run, event, data) {
  const { run: _, mark, ...about } = data;
  const next = { ...run, mark };
  if (event === "status") next.info = { ...run.info, ...about };
  if (event === "sheet" && !run.sheets.some((one) => one.sheet === about.sheet)) next.sheets = [...run.sheets, about];
  if (event === "metrics") {
    const tables = { ...run.metrics.tables };
    for (const [name, rows] of Object.entries(about)) tables[name] = joined(tables[name], rows);
    next.metrics = { ...run.metrics, tables };
  }
  return next;
}

/** What changes so that a run has to be loaded anew: it went back, it ended or began again, or measures something new. */
function anew(run, event, data) {
  if (event === "cut") return true;
  if (event === "status") return run.info.status !== data.status;
  if (event !== "metrics") return false;
  const known = run.metrics.tables;
  return Object.entries(data).some(
    ([name, rows]) =>
      typeof rows === "object" &&
      ((known[name]?.step?.length ?? 0) > MOST_ROWS || Object.keys(rows).some((column) => !(column in (known[name] ?? {})))),
  );
}

async function follow(names, set, signal) {
  const put = (name, run) => signal.aborted || set((runs) => ({ ...runs, [name]: run }));
  const runs = {};
  const fetched = async (name) => put(name, (runs[name] = await load(name, signal)));
  const settled = async (name) => {
    for (await fetched(name); !signal.aborted && runs[name] && ending(runs[name]); await fetched(name)) await pause(2000, signal);
  };
  const failed = (name) => (error) => put(name, { name, error });
  const first = names.map((name) => fetched(name).catch(failed(name)));
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
          put(name, { name, error: new Error(`${name} is no longer here.`) });
        } else if (anew(runs[name], event, data)) {
          await fetched(name);
          if (ending(runs[name])) settled(name).catch(() => {});
        } else put(name, (runs[name] = told(runs[name], event, data)));
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error.status === 404) return;
    }
    await pause(3000, signal);
  }
}

/** Runs by name, each {info, metrics, sheets} or {error}; with `live` they are told on as they go on. */
export function useRuns(names, { live = true } = {}) {
  const [runs, set] = useState({});
  useEffect(() => {
    const control = new AbortController();
    set((before) => Object.fromEntries(names.filter((name) => before[name]?.info).map((name) => [name, before[name]])));
    if (live) follow(names, set, control.signal);
    else
      for (const name of names)
        load(name, control.signal).then(
          (run) => set((all) => ({ ...all, [name]: run })),
          (error) => control.signal.aborted || set((all) => ({ ...all, [name]: { name, error } })),
        );
    return () => control.abort();
  }, [names.join(" "), live]);
  return runs;
}
