// Draw a face in Node: node node.mjs MODEL SEED face.ppm
import { readFile, writeFile } from 'node:fs/promises';
import ort from 'onnxruntime-node';
import { drawZ, inputs, seededRandom, toPixels } from './faces.mjs';

const [model = 'model', seed = '0', file = 'face.ppm'] = process.argv.slice(2);
const card = JSON.parse(await readFile(`${model}/model.json`, 'utf8'));
const session = await ort.InferenceSession.create(`${model}/generator.onnx`);
const z = drawZ(card, seededRandom(Number(seed)));
const { pictures } = await session.run(inputs(ort, card, z));
const { pixels, width, height } = toPixels(pictures);
const rgb = pixels.filter((_, i) => i % 4 < 3);
await writeFile(file, Buffer.concat([Buffer.from(`P6 ${width} ${height} 255\n`), Buffer.from(rgb)]));
console.log(`${file}: ${width}x${height}, ${card.terms}`);
