// Pictures are chosen, people named and options set; then all of it is sent in pieces, and a recognizer asked for.
import { Camera } from "./camera.js";
import { byId, element, takeChosen, takeDrops } from "./elements.js";
import { droppedFiles, groupByPerson, isArchive, isUsable, pickedFiles } from "./pictures.js";
import { forget, markOf, sendInPieces } from "./pieces.js";
import { alertOf, at, refusal } from "./service.js";
import { tarred } from "./tar.js";
import { number, say } from "./words.js";
import { unzipped } from "./zip.js";

// Cards that are made in one go, so that thousands do not stop the page, and previews of each person.
const AT_ONCE = 50;
const PREVIEWS = 3;
// Before it is sent once more, and at the end before somebody is told that no answer comes.
const PAUSES_MS = [1000, 4000, 0];
// Pictures that a click takes with the camera, and the time between two, in which a head moves a little.
const SHOTS = 5;
const BETWEEN_SHOTS_MS = 400;
const PORTRAITS = { "barack_obama.jpg": "Barack Obama", "eileen_collins.jpg": "Eileen Collins", "grace_hopper.jpg": "Grace Hopper" };

const collator = new Intl.Collator(document.documentElement.lang, { numeric: true });
const form = byId("make");
// Each {label, files}: somebody, or with an empty label those to be sorted by face.
let people = [];
let unusable = 0;
// An address for a file takes the browser half a millisecond: only previews that come into sight have one.
const seen = new IntersectionObserver((entries) => {
  for (const { target } of entries.filter((entry) => entry.isIntersecting)) {
    seen.unobserve(target);
    target.show();
  }
}, { rootMargin: "50%" });

if (form) {
  form.hidden = false;
  takeDrops(byId("drop"), (transfer) => attempt(() => add(droppedFiles(transfer))));
  for (const name of ["folder", "files"]) {
    byId(`choose-${name}`).onclick = () => byId(name).click();
    takeChosen(byId(name), (files) => attempt(() => add(pickedFiles(files))));
  }
  byId("choose-camera").onclick = () => attempt(openCamera);
  byId("example").onclick = () => attempt(addExample);
  byId("clear").onclick = () => {
    [people, unusable] = [[], 0];
    show();
  };
  form.onsubmit = (event) => {
    event.preventDefault();
    attempt(send);
  };
}

// One person after another sits before the camera; each click takes a few pictures under the name that stands there.
async function openCamera() {
  const camera = new Camera(byId("viewfinder"));
  await camera.start();
  byId("camera").hidden = false;
  byId("sitter").focus();
  byId("camera-off").onclick = () => {
    camera.stop();
    byId("camera").hidden = true;
    byId("choose-camera").focus();
  };
  byId("take").onclick = () => attempt(async () => {
    const label = byId("sitter").value.trim();
    if (!label) return byId("sitter").focus();
    byId("take").disabled = true;
    const files = [];
    for (let turn = 0; turn < SHOTS && camera.isOn; turn++) {
      const { jpeg } = await camera.picture();
      const name = `camera ${Date.now()}.jpg`;
      files.push([`${label}/${name}`, new File([jpeg], name, { type: jpeg.type })]);
      await new Promise((passed) => setTimeout(passed, BETWEEN_SHOTS_MS));
    }
    byId("take").disabled = false;
    await add(files);
    byId("taken").textContent = say("make.camera.taken", { label, pictures: say("pictures", {}, files.length) });
  });
}

async function attempt(action) {
  try {
    await action();
  } catch (error) {
    alertOf(error);
  }
}

async function add(found) {
  const files = [];
  for await (const [path, file] of found)
    for (const [inside, own] of (await opened(file)) ?? [[path, file]]) {
      if (isUsable(inside)) files.push([inside, own]);
      else unusable += 1;
    }
  for (const [label, own] of groupByPerson(files)) {
    const known = people.find((person) => person.label === label);
    if (known) known.files.push(...own);
    else people.push({ label, files: own });
  }
  people.sort((one, other) => collator.compare(one.label, other.label));
  await show();
}

// What is in a zip; null for any other file, and for a zip that only the service can open, or say what is wrong with.
const opened = (file) => (file.name.toLowerCase().endsWith(".zip") ? unzipped(file).catch(() => null) : null);

async function addExample() {
  const portraits = Object.entries(PORTRAITS).map(async ([name, label]) => {
    const content = await (await fetch(at(`/static/portraits/${name}`))).blob();
    return [`${label}/${name}`, new File([content], name, { type: "image/jpeg" })];
  });
  form.elements.name.value ||= say("make.example.name");
  await add(await Promise.all(portraits));
}

// The cards of everybody; a later call takes the place of one that is still at it.
let shown = 0;
async function show() {
  const turn = ++shown;
  for (const picture of byId("cards").querySelectorAll("img")) URL.revokeObjectURL(picture.src);
  seen.disconnect();
  byId("cards").replaceChildren();
  byId("people").hidden = !people.length && !unusable;
  summarize();
  for (let from = 0; from < people.length; from += AT_ONCE) {
    byId("cards").append(...people.slice(from, from + AT_ONCE).map(card));
    await new Promise((drawn) => setTimeout(drawn));
    if (turn !== shown) return;
  }
}

function card(person) {
  const previews = element("div", { className: "previews" });
  previews.show = () => {
    const pictures = person.files.map(([, file]) => file).filter((file) => file.type.startsWith("image/"));
    previews.append(...pictures.slice(0, PREVIEWS).map((file) => element("img", { src: URL.createObjectURL(file), alt: "", decoding: "async" })));
  };
  seen.observe(previews);
  const remove = element("button", { type: "button", className: "link", textContent: "×", title: say("make.remove", { label: person.label }), ariaLabel: say("make.remove", { label: person.label }) });
  const item = element("li", { className: "person" }, previews, nameOf(person),
    element("span", { className: "soft", textContent: say("pictures", {}, person.files.length) }), remove);
  remove.onclick = () => {
    people = people.filter((other) => other !== person);
    item.remove();
    byId("people").hidden = !people.length;
    summarize();
  };
  return item;
}

function nameOf(person) {
  if (!person.label) {
    const archives = person.files.every(([, file]) => isArchive(file));
    return element("b", { className: "name", textContent: say(archives ? "make.archive" : "make.sort") });
  }
  const name = element("input", { className: "name", value: person.label, maxLength: 200, required: true, ariaLabel: say("make.person") });
  name.onchange = () => {
    person.label = name.value.trim();
    summarize();
  };
  return name;
}

function summarize() {
  const labels = new Set(people.map((person) => person.label).filter(Boolean));
  const pictures = people.reduce((sum, person) => sum + person.files.length, 0);
  const words = [say("make.chosen", { people: say("people", {}, labels.size), pictures: say("pictures", {}, pictures) })];
  if (unusable) words.push(say("make.unusable", {}, unusable));
  byId("chosen").textContent = words.join(". ");
  const heap = people.some((person) => !person.label && (person.files.length > 1 || person.files.some(([, file]) => isArchive(file))));
  byId("send").disabled = !(labels.size || heap);
  byId("why-not").hidden = !byId("send").disabled;
}

// What is sent: archives as they are, and all else in one, each picture as PERSON/FILE; each [name, blob, its mark].
async function parcels() {
  const files = people.flatMap(({ label, files: own }) => own.map(([path, file]) => {
    const name = path.split("/").at(-1);
    return [label ? `${label.replaceAll("/", "∕")}/${name}` : name, file];
  }));
  const pictures = files.filter(([, file]) => !isArchive(file));
  const sent = files.filter(([, file]) => isArchive(file)).map(([name, file]) => [name, file, markOf([[name, file]])]);
  if (pictures.length) sent.push(["pictures.tar", await tarred(pictures), markOf(pictures)]);
  return sent;
}

async function send() {
  const stop = new AbortController();
  byId("stop").onclick = () => stop.abort();
  byId("sending").hidden = false;
  byId("send").disabled = true;
  try {
    const made = await delivered(await parcels(), newKey(), stop.signal);
    location.assign(at(`/recognizers/${made.id}`));
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  } finally {
    byId("sending").hidden = true;
    byId("send").disabled = false;
  }
}

// The service's answer. What was sent is forgotten once there is one, a refusal too, or somebody stopped it; where the
// connection broke it stays, so that whoever chooses the same files goes on.
async function delivered(sent, key, signal) {
  const total = sent.reduce((sum, [, blob]) => sum + blob.size, 0);
  const places = [];
  let [before, isBroken] = [0, false];
  try {
    for (const [name, blob, mark] of sent) {
      places.push([await sendInPieces(blob, name, mark, signal, (bytes) => report(before + bytes, total)), mark]);
      before += blob.size;
    }
    return await built(places.map(([place]) => place.split("/").at(-1)), key, signal);
  } catch (error) {
    isBroken = error.name !== "AbortError" && !(error.status >= 400 && error.status < 500);
    throw error;
  } finally {
    if (!isBroken) await Promise.all(places.map(([place, mark]) => forget(place, mark)));
  }
}

function report(loaded, total) {
  byId("sent").max = total;
  byId("sent").value = loaded;
  byId("sent-words").textContent = loaded < total ? say("make.sent", { sent: number(loaded / 1e6, 1), total: number(total / 1e6, 1) }) : say("make.storing");
}

// What becomes of uploads with the options that are set. When no answer comes it is asked again, under the same key, so
// that nothing is made twice.
async function built(uploads, key, signal) {
  const body = new FormData();
  for (const field of form.querySelectorAll("[name]"))
    if (field.value && (!["checkbox", "radio"].includes(field.type) || field.checked)) body.append(field.name, field.value);
  for (const upload of uploads) body.append("upload", upload);
  for (const pause of PAUSES_MS) {
    const answer = await fetch(at("/v1/recognizers"), { method: "POST", headers: { "Idempotency-Key": key }, body, signal })
      .catch((error) => { if (error.name === "AbortError") throw error; });
    if (answer?.ok) return answer.json();
    if (answer) throw await refusal(answer);
    await new Promise((passed) => setTimeout(passed, pause));
  }
  throw new Error(say("broken"));
}

// crypto.randomUUID is for secure origins alone, and a service in the house has none.
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
