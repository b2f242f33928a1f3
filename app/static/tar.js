// Files as one archive (POSIX.1-2001, "pax"): it needs no look into them, so that they stay on the disk until they are sent.
const BLOCK = 512;
// Files that are added in one go, so that thousands do not stop the page.
const AT_ONCE = 500;
const encoder = new TextEncoder();

// A blob of files, each [path, file]; the same for the same files.
export async function tarred(files) {
  const parts = [];
  for (let from = 0; from < files.length; from += AT_ONCE) {
    parts.push(new Blob(files.slice(from, from + AT_ONCE).flatMap(([path, file]) => [...heads(path, file), file, rest(file.size)])));
    await new Promise((drawn) => setTimeout(drawn));
  }
  return new Blob([...parts, new Uint8Array(2 * BLOCK)]);
}

// What stands before a file: its path as a record, which may have any letters, and its size.
function heads(path, file) {
  const named = record("path", path);
  return [head("path", named.length, "x"), named, rest(named.length), head("file", file.size, "0")];
}

function record(key, value) {
  const content = encoder.encode(` ${key}=${value}\n`);
  let length = content.length;
  while (length !== content.length + String(length).length) length = content.length + String(length).length;
  return new Uint8Array([...encoder.encode(String(length)), ...content]);
}

function head(name, size, type) {
  const block = new Uint8Array(BLOCK);
  const write = (at, text) => block.set(encoder.encode(text), at);
  write(0, name);
  write(100, "0000600\0");
  write(108, "0000000\0");
  write(116, "0000000\0");
  write(124, size.toString(8).padStart(11, "0"));
  write(136, "00000000000");
  write(148, "        ");
  write(156, type);
  write(257, "ustar\0" + "00");
  const sum = block.reduce((total, byte) => total + byte, 0);
  write(148, `${sum.toString(8).padStart(6, "0")}\0`);
  return block;
}

const rest = (size) => new Uint8Array((BLOCK - (size % BLOCK)) % BLOCK);
