// Photo, edit, makeover, save: node round_trip.js ADDRESS PHOTO
import { readFile, writeFile } from 'node:fs/promises';
import createClient from 'openapi-fetch';
import type { paths } from './schema.js';

const [address, photo] = process.argv.slice(2);
const studio = createClient<paths>({ baseUrl: address });

const form = new FormData();
form.append('file', new Blob([await readFile(photo)]));
const uploaded = await studio.POST('/api/v1/photos', { body: { file: '' }, bodySerializer: () => form });
if (!uploaded.data) throw new Error(uploaded.error.error);
const session = uploaded.response.headers.get('X-Session') ?? '';
studio.use({
  onRequest({ request }) {
    request.headers.set('X-Session', session);
    return request;
  },
});
const face = uploaded.data.faces[0].face;

const edited = await studio.POST('/api/v1/edit/faces', {
  body: { model: 'photographer', faces: [face], edits: [{ Smiling: 1.5 }], kind: 'orthogonal' },
});
if (!edited.data) throw new Error(edited.error.error);
const sheet = await studio.POST('/api/v1/edit', {
  body: { model: 'photographer', faces: [edited.data.faces[0].face], edits: [{}], kind: 'orthogonal', format: 'png' },
  parseAs: 'arrayBuffer',
});
const made = await studio.POST('/api/v1/makeover', {
  body: { face, strength: 0.8, whole: true, format: 'png' },
  parseAs: 'arrayBuffer',
});
if (!sheet.data || !made.data) throw new Error('no image');
await writeFile('edited.png', Buffer.from(sheet.data as unknown as ArrayBuffer));
await writeFile('made.png', Buffer.from(made.data as unknown as ArrayBuffer));

const missing = await studio.GET('/api/v1/generate', { params: { query: { model: 'nobody' } } });
console.log(missing.error?.error);
