// Requests to the API. Every error response becomes an `ApiError` with the server's message.
import { useEffect, useState } from "../vendor/preact-htm.js";
import { ROOT } from "./address.js";
import { reportFailure } from "./connection.js";
import { showError } from "./toasts.js";

export const API = `${ROOT}/api/v1`;

class ApiError extends Error {
  constructor(sentence, status = 0, after = 0) {
    super(sentence);
    this.name = "ApiError";
    [this.status, this.after] = [status, after]; // `after`: seconds until it makes sense to ask again
  }
}

/** The address of something in the API. Values that are null or empty are left out, lists are repeated. */
export function apiUrl(path, query = {}) {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).filter((item) => item != null && item !== "").map((item) => [name, item]),
  );
  return API + path + (pairs.length ? `?${new URLSearchParams(pairs)}` : "");
}

/** Send a request and return the response `as` json, blob, text or the response itself. `json` is sent as a body, or any `body`. */
export async function request(path, { query, method, json, body, headers = {}, signal, as = "json" } = {}) {
  if (json !== undefined) [body, headers] = [JSON.stringify(json), { ...headers, "Content-Type": "application/json" }];
  method ??= body === undefined ? "GET" : "POST";
  let response;
  try {
    response = await fetch(apiUrl(path, query), { method, body, headers, signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    reportFailure("lost");
    throw new ApiError("The studio is not responding");
  }
  if (!response.ok) throw await apiError(response);
  return as === "response" || response.status === 204 ? response : response[as]();
}

async function apiError(response) {
  if (response.status === 401) reportFailure("token");
  const isLost = response.status >= 502 && response.status <= 504 && !response.headers.get("Content-Type")?.includes("json");
  if (isLost) reportFailure("lost");
  let sentence = isLost ? "The studio is not responding" : `The studio responded with status ${response.status}.`;
  try {
    sentence = (await response.json()).error ?? sentence;
  } catch {
    // not JSON: a proxy responded
  }
  return new ApiError(sentence, response.status, Number(response.headers.get("Retry-After")) || 0);
}

/** Send a file and return the response's json. `onProgress` gets the share that was sent, which fetch cannot tell. */
export function upload(path, { query, body, headers, signal, onProgress }) {
  return new Promise((done, failed) => {
    const xhr = new XMLHttpRequest();
    xhr.open("POST", apiUrl(path, query));
    for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = (event) => event.lengthComputable && onProgress?.(event.loaded / event.total);
    xhr.onabort = () => failed(new DOMException("cancelled", "AbortError"));
    xhr.onerror = () => (reportFailure("lost"), failed(new ApiError("The studio is not responding")));
    xhr.onload = () => {
      const response = new Response(xhr.response, { status: xhr.status, headers: { "Retry-After": xhr.getResponseHeader("Retry-After") ?? "" } });
      (response.ok ? response.json() : apiError(response).then((error) => Promise.reject(error))).then(done, failed);
    };
    signal?.addEventListener("abort", () => xhr.abort(), { once: true });
    xhr.send(body);
  });
}

/** The server-sent events of a response, in order: `for await (const { event, data } of events(...))`. */
export async function* events(path, options = {}) {
  const response = await request(path, { ...options, as: "response" });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split(/\r?\n\r?\n/);
      rest = blocks.pop();
      for (const block of blocks) {
        const lines = block.split(/\r?\n/).map((line) => /^(\w+):? ?(.*)$/.exec(line) ?? []);
        const data = lines
          .filter(([, name]) => name === "data")
          .map(([, , text]) => text)
          .join("\n");
        if (data) yield { event: lines.find(([, name]) => name === "event")?.[2] ?? "message", data: JSON.parse(data) };
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // closes the connection
  }
}

/** The result of `load(signal)` as { value, error, loading }. When `on` changes, it is aborted and loaded again; the
 * previous value remains until then. With `quiet` errors are not shown. */
export function useLoad(load, on = [], { quiet = false } = {}) {
  const [state, setState] = useState({ value: null, error: null, loading: true });
  useEffect(() => {
    const control = new AbortController();
    setState((before) => ({ ...before, loading: true }));
    Promise.resolve(load(control.signal)).then(
      (value) => control.signal.aborted || setState({ value, error: null, loading: false }),
      (error) => {
        if (control.signal.aborted) return;
        setState({ value: null, error, loading: false });
        if (!quiet) showError(error);
      },
    );
    return () => control.abort();
  }, on);
  return state;
}

let models = null; // loaded once for all pages

/** Load the models again when they are needed next: one was added, renamed or deleted. */
export const forgetModels = () => (models = null);

/** All models, or null until they are there. `useModels((model) => model.encoder)` returns those that match. */
export function useModels(fits = () => true) {
  const [turn, setTurn] = useState(0);
  const { value, error } = useLoad(
    () => (models ??= request("/models").catch((error) => ((models = null), Promise.reject(error)))),
    [turn],
  );
  useEffect(() => {
    if (!error) return;
    const timer = setTimeout(() => setTurn(turn + 1), 3000); // the studio may be restarting
    return () => clearTimeout(timer);
  }, [error]);
  return value && value.filter(fits);
}

export const isGenerator = (model) => model.kind === "generator";
