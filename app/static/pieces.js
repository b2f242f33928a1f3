// A file is sent in pieces (tus 1.0), and goes on where it broke off: after a lost connection, or when the page is opened again.
import { at, refusal } from "./service.js";
import { say } from "./words.js";

const PIECE = 4 * 2 ** 20;
// Before it is tried again, as long as nothing arrives.
const PAUSES_MS = [1000, 4000, 15000];
const HEADERS = { "Tus-Resumable": "1.0.0" };

// The upload of a blob once all of it has arrived: its address. By its mark it is known again; report is told of bytes.
export async function sendInPieces(blob, name, mark, signal, report) {
  const upload = (await known(mark, blob, signal)) ?? (await begun(blob, name, mark, signal));
  for (let failures = 0; upload.offset < blob.size; ) {
    report(upload.offset);
    const headers = { ...HEADERS, "Content-Type": "application/offset+octet-stream", "Upload-Offset": upload.offset };
    const piece = blob.slice(upload.offset, upload.offset + PIECE);
    const answer = await tried(upload.place, { method: "PATCH", headers, body: piece, signal });
    if (answer?.ok) {
      [upload.offset, failures] = [Number(answer.headers.get("Upload-Offset")), 0];
      continue;
    }
    if (answer && answer.status < 500 && answer.status !== 409) throw await refusal(answer);
    if (failures === PAUSES_MS.length) throw new Error(say("broken"));
    await new Promise((passed) => setTimeout(passed, PAUSES_MS[failures++]));
    upload.offset = (await arrived(upload.place, signal))?.offset ?? upload.offset;
  }
  report(blob.size);
  return upload.place;
}

// Nothing of it stays, here or there.
export async function forget(place, mark) {
  localStorage.removeItem(mark);
  await tried(place, { method: "DELETE", headers: HEADERS });
}

// What tells files from others when they are chosen again (FNV-1a, twice 32 bits): paths, sizes and times.
export function markOf(files) {
  let [one, two] = [0x811c9dc5, 0x01000193];
  for (const [path, file] of files)
    for (const letter of `${path}\n${file.size}\n${file.lastModified}\n`) {
      one = Math.imul(one ^ letter.codePointAt(0), 0x01000193);
      two = Math.imul(two ^ letter.codePointAt(0), 0x85ebca6b);
    }
  return `upload ${(one >>> 0).toString(16)}${(two >>> 0).toString(16)}`;
}

async function known(mark, blob, signal) {
  const place = localStorage.getItem(mark);
  const found = place && (await arrived(place, signal));
  return found && found.length === blob.size ? { place, offset: found.offset } : null;
}

async function begun(blob, name, mark, signal) {
  const metadata = `filename ${btoa(String.fromCharCode(...new TextEncoder().encode(name)))}`;
  const headers = { ...HEADERS, "Upload-Length": blob.size, "Upload-Metadata": metadata };
  const answer = await tried(at("/v1/uploads"), { method: "POST", headers, signal });
  if (!answer) throw new Error(say("broken"));
  if (!answer.ok) throw await refusal(answer);
  const place = answer.headers.get("Location");
  localStorage.setItem(mark, place);
  return { place, offset: 0 };
}

async function arrived(place, signal) {
  const answer = await tried(place, { method: "HEAD", headers: HEADERS, signal });
  if (!answer?.ok) return null;
  return { offset: Number(answer.headers.get("Upload-Offset")), length: Number(answer.headers.get("Upload-Length")) };
}

// The answer; null where none came.
const tried = (place, options) =>
  fetch(place, options).catch((error) => {
    if (error.name === "AbortError") throw error;
    return null;
  });
