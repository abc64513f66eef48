// What the page and the Node script share: latents and pixels of a facesmith model in ONNX Runtime.

/** Return a generator of numbers in [0, 1) that depends on the seed alone (mulberry32). */
export function seededRandom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Return the size of each input of a model's generator.onnx, from its card model.json. */
export function latentParts(card) {
  const attributes = (card.conditions ?? []).length;
  return {
    z: card.network.latent_size - attributes,
    attributes,
    detail: card.encoder?.detail_size ?? 0,
  };
}

/** Return a random z: a Float32Array. */
export function drawZ(card, random) {
  const draw = card.latent === 'uniform'
    ? () => 2 * random() - 1
    : () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Float32Array.from({ length: latentParts(card).z }, draw);
}

/** Return the inputs of one face. Attributes are 1, -1 or 0 by name; what is missing is neutral. */
export function inputs(ort, card, z, attributes = {}) {
  const parts = latentParts(card);
  const feeds = { z: new ort.Tensor('float32', z, [1, parts.z]) };
  if (parts.attributes) {
    const values = Float32Array.from(card.conditions, (name) => attributes[name] ?? 0);
    feeds.attributes = new ort.Tensor('float32', values, [1, parts.attributes]);
  }
  if (parts.detail) {
    feeds.detail = new ort.Tensor('float32', new Float32Array(parts.detail), [1, parts.detail]);
  }
  return feeds;
}

/** Return the pixels of one face (3 x H x W in [-1, 1]) as RGBA bytes, row by row. */
export function toPixels(picture) {
  const [, , height, width] = picture.dims;
  const area = width * height;
  const pixels = new Uint8ClampedArray(4 * area).fill(255);
  for (let channel = 0; channel < 3; channel++) {
    for (let i = 0; i < area; i++) {
      pixels[4 * i + channel] = (picture.data[channel * area + i] + 1) * 127.5;
    }
  }
  return { pixels, width, height };
}
