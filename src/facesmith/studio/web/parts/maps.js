// The maps on which a model can place faces, for pages that lead there.
import { ask, useLoad } from "../shell/api.js";

/** The address of a face's place, as a function of the face; null where no map was made with the model. */
export function usePlace(model) {
  const { value: maps } = useLoad((signal) => ask("/maps", { signal }), [], { quiet: true });
  const map = maps?.find((one) => one.placing === model.name);
  return map ? (face) => `/map?${new URLSearchParams({ map: map.name, face })}` : null;
}
