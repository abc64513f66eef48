// Links to the map on which a model can place faces.
import { request, useLoad } from "../shell/api.js";

/** A function from a face to its address on the map; null if no map was made with the model. */
export function useMapLink(model) {
  const { value: maps } = useLoad((signal) => request("/maps", { signal }), [], { quiet: true });
  const map = maps?.find((item) => item.placing === model.name);
  return map ? (face) => `/map?${new URLSearchParams({ map: map.name, face })}` : null;
}
