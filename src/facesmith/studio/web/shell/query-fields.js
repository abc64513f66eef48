// What a field of an address may be: how it is read from the query's values, and written back. Defaults are left out,
// and invalid values become the default: an address may come from anyone.

export const text = (fallback = "") => ({
  read: ([value]) => value ?? fallback,
  write: (value) => (value == null || value === fallback ? [] : [value]),
});

export const number = (fallback, low, high, isInteger = true) => ({
  read: ([value]) => {
    const result = value === undefined || value.trim() === "" ? NaN : Number(value);
    if (!Number.isFinite(result)) return fallback;
    return Math.min(high, Math.max(low, isInteger ? Math.round(result) : result));
  },
  write: (value) => (value == null || value === fallback || Number.isNaN(value) ? [] : [String(value)]),
});

/** A number that may be missing: null then. */
export const optionalNumber = (low, high) => ({ ...number(null, low, high), write: (v) => (v == null ? [] : [String(v)]) });

export const flag = () => ({ read: ([value]) => value === "1", write: (value) => (value ? ["1"] : []) });

export const choice = (fallback, options) => ({
  read: ([value]) => (options.includes(value) ? value : fallback),
  write: (value) => (value === fallback ? [] : [value]),
});

/** name=a&name=b: a list of texts. */
export const list = () => ({ read: (values) => values, write: (values) => values });

/** set=Smiling:1&set=Male:-0.5: attributes and how strongly they are changed, without those that are 0. */
export const editField = () => ({
  read: (values) => {
    const pairs = values.map((value) => [value.slice(0, value.lastIndexOf(":")), Number(value.split(":").at(-1))]);
    return Object.fromEntries(pairs.filter(([name, by]) => name && Number.isFinite(by) && by));
  },
  write: (value) => formatEdit(value),
});

/** {Smiling: 1} as ["Smiling:1"], as fields and the API want it. */
export const formatEdit = (changes) =>
  Object.entries(changes).flatMap(([name, by]) => (by ? [`${name}:${+by.toFixed(3)}`] : []));
