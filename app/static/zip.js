// A zip's pictures as files, so that its people can be seen and named before it is sent (PKWARE's APPNOTE 6.3.10).

// Bytes that are unpacked here at most; a larger archive is sent as it is, and unpacked by the service.
const MOST_BYTES = 512 * 2 ** 20;
// The end of the central directory: its signature, its length, and how far from the end a comment may push it.
const [END, END_BYTES, MOST_COMMENT] = [0x06054b50, 22, 0xffff];
// An entry of the central directory, and what stands before a file's content.
const [ENTRY, ENTRY_BYTES, LOCAL_BYTES] = [0x02014b50, 46, 30];
const [STORED, DEFLATED] = [0, 8];
const ENCRYPTED = 1;

// The files of a zip as [path, file]; null for one that is not read here: another kind, encrypted, or too large.
export async function unzipped(archive) {
  const entries = await entriesOf(archive);
  if (!entries) return null;
  const files = [];
  for (const entry of entries) files.push([entry.path, await content(archive, entry)]);
  return files;
}

async function entriesOf(archive) {
  const tail = await view(archive, Math.max(0, archive.size - END_BYTES - MOST_COMMENT), archive.size);
  let at = tail.byteLength - END_BYTES;
  while (at >= 0 && tail.getUint32(at, true) !== END) at -= 1;
  if (at < 0) return null;
  const [count, size, start] = [tail.getUint16(at + 10, true), tail.getUint32(at + 12, true), tail.getUint32(at + 16, true)];
  if (start + size > archive.size) return null; // zip64, or none
  const directory = await view(archive, start, start + size);
  const entries = [];
  let [place, bytes] = [0, 0];
  for (let number = 0; number < count; number++) {
    if (place + ENTRY_BYTES > directory.byteLength || directory.getUint32(place, true) !== ENTRY) return null;
    const short = (offset) => directory.getUint16(place + offset, true);
    const long = (offset) => directory.getUint32(place + offset, true);
    const [flags, method, packed, local, named] = [short(8), short(10), long(20), long(42), short(28)];
    const path = new TextDecoder().decode(new Uint8Array(directory.buffer, place + ENTRY_BYTES, named));
    bytes += long(24);
    if (flags & ENCRYPTED || ![STORED, DEFLATED].includes(method) || bytes > MOST_BYTES) return null;
    if (!path.endsWith("/")) entries.push({ path, method, packed, local });
    place += ENTRY_BYTES + named + short(30) + short(32);
  }
  return entries;
}

async function content(archive, { path, method, packed, local }) {
  const head = await view(archive, local, local + LOCAL_BYTES);
  const start = local + LOCAL_BYTES + head.getUint16(26, true) + head.getUint16(28, true);
  const own = archive.slice(start, start + packed);
  const whole = method === STORED ? own : await new Response(own.stream().pipeThrough(new DecompressionStream("deflate-raw"))).blob();
  const name = path.split("/").at(-1);
  return new File([whole], name, { type: /\.jpe?g$/i.test(name) ? "image/jpeg" : "" });
}

const view = async (file, from, to) => new DataView(await file.slice(from, to).arrayBuffer());
