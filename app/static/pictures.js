// Whose pictures somebody chose: files as they were dropped or picked, by the folder that each stands in.

const USABLE = /\.(jpe?g|jfif|png|gif|bmp|webp|tiff?|avif|hei[cf]|mp4|m4v|mov|webm|zip|t?gz|tar)$/i;
const ARCHIVE = /\.(zip|t?gz|tar)$/i;

export const isArchive = (file) => ARCHIVE.test(file.name);

// What was dropped, folders with all that is in them, as [path, file] one after another.
export async function* droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  for (const entry of entries) yield* filesOf(entry);
}

async function* filesOf(entry) {
  if (entry.isFile) {
    yield [entry.fullPath.slice(1), await new Promise((found, failed) => entry.file(found, failed))];
    return;
  }
  const reader = entry.createReader();
  for (;;) { // a reader gives a hundred at a time
    const some = await new Promise((found, failed) => reader.readEntries(found, failed));
    if (!some.length) return;
    for (const inside of some) yield* filesOf(inside);
  }
}

export const pickedFiles = (files) => files.map((file) => [file.webkitRelativePath || file.name, file]);

export const isUsable = (path) => USABLE.test(path) && !path.split("/").some((part) => part.startsWith(".") || part === "__MACOSX");

// Whose picture it is by its path: the last folder's, unless that folder has folders with pictures itself.
export function groupByPerson(files) {
  const parents = new Set(files.map(([path]) => path.split("/").slice(0, -2).join("/")));
  const people = new Map();
  for (const [path, file] of files) {
    const folders = path.split("/").slice(0, -1);
    const label = isArchive(file) || parents.has(folders.join("/")) ? "" : folders.at(-1) ?? "";
    if (!people.has(label)) people.set(label, []);
    people.get(label).push([path, file]);
  }
  return people;
}
