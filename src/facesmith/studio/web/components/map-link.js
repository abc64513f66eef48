// Links to the map on which a model can place faces.
import { pageUrl } from "../shell/address.js";
import { request, useLoad } from "../shell/api.js";

/** A function from a face to its address on the map; null if no map was made with the model. */
export function useMapLink(model) {
  const { value: maps } = useLoad((signal) => request("/maps", { signal }), [], { quiet: true });
  const map = maps?.find((item) => item.placing === model.name);
  return map ? (face) => pageUrl("/map", { map: map.name, face }) : null;
}
