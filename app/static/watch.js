// How far a build is, from its stream of events.
import { byId } from "./elements.js";
import { at } from "./service.js";
import { number, say } from "./words.js";

// Milliseconds between two looks at whose pictures were looked at.
const LOOK_MS = 1000;

const { id, version } = document.querySelector("[data-id]").dataset;
const own = `?version=${version}`;
const began = { unit: null, at: 0, done: 0 };
// Every network that was on the front.
const seen = new Map();
let looked = 0, later, last;

const events = new EventSource(at(`/v1/recognizers/${id}/events${own}`));
events.addEventListener("progress", (event) => show(JSON.parse(event.data)));
events.addEventListener("ended", () => location.replace(at(`/recognizers/${id}`)));
events.addEventListener("erased", () => location.replace(at(`/recognizers/${id}/receipt`)));

function show({ state, progress: { done, total, unit, search } }) {
  byId("state").textContent = say(`watch.${state}`);
  if (total) {
    byId("progress").max = total;
    byId("progress").value = done;
    byId("done").textContent = say(`watch.done.${unit}`, { done: number(done), total: number(total) });
  } else {
    byId("progress").removeAttribute("value");
    byId("done").textContent = "";
  }
  byId("left").textContent = left(unit, done, total, search);
  if (search?.best_error != null) showSearch(search);
  if (unit === "images" || state !== last) lookSoon();
  last = state;
}

// How long it takes on, by how long it took since this page first saw that kind of work.
function left(unit, done, total, search) {
  if (unit !== began.unit) Object.assign(began, { unit, at: Date.now(), done });
  const passed = (Date.now() - began.at) / 1000;
  const seconds = search ? search.time_left_s : ((total - done) * passed) / (done - began.done);
  if (!Number.isFinite(seconds) || (!search && passed < 2)) return "";
  return seconds < 90 ? say("watch.left.s", {}, Math.max(1, Math.round(seconds))) : say("watch.left.min", {}, Math.round(seconds / 60));
}

function showSearch({ front, best_error: error, layers, evaluated }) {
  for (const point of front) seen.set(`${point.layers} ${point.error}`, point);
  byId("search").querySelector("svg").replaceChildren(...drawnFront(front, [...seen.values()]));
  const inLayers = (count) => say("watch.layers", {}, count);
  const choice = front.map((point) => `${inLayers(point.layers)} ${number(100 * point.error, 4)} %`).join(", ");
  byId("search-words").textContent = `${say("watch.search", { evaluated: number(evaluated), layers: inLayers(layers), error: number(100 * error, 4) })} ${say("watch.front", { choice })}`;
  byId("search").hidden = false;
}

// Networks by their layers, to the right, and their errors, upwards: the front of now, and behind it those before.
function drawnFront(front, all) {
  const [most, least] = [Math.max(...all.map(({ error }) => error)), Math.min(...all.map(({ error }) => error))];
  const deepest = Math.max(1, ...all.map(({ layers }) => layers));
  const x = (layers) => 70 + (310 * layers) / deepest;
  const y = (error) => (most > least ? 140 - (115 * (error - least)) / (most - least) : 140);
  const dot = ({ layers, error }, kind, r) => drawn("circle", { cx: x(layers), cy: y(error), r, class: kind });
  const ticks = Array.from({ length: deepest + 1 }, (_, layers) => drawn("text", { x: x(layers), y: 172, "text-anchor": "middle" }, layers));
  const errors = [...new Set([least, most])].map((error) => drawn("text", { x: 52, y: y(error) + 4, "text-anchor": "end" }, `${number(100 * error, 2)} %`));
  return [
    drawn("path", { d: "M60 15V152H390", class: "axes" }),
    ...ticks, ...errors,
    drawn("text", { x: 390, y: 192, "text-anchor": "end" }, say("watch.front.layers")),
    drawn("text", { x: 66, y: 12 }, say("watch.front.error")),
    ...all.map((point) => dot(point, "before", 3)),
    drawn("polyline", { points: front.map(({ layers, error }) => `${x(layers)},${y(error)}`).join(" ") }),
    ...front.map((point) => dot(point, "now", 5)),
  ];
}

function drawn(name, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return made;
}

// What comes while one has just looked is looked at when its time is over, the last of it as well.
function lookSoon() {
  later ??= setTimeout(look, Math.max(0, looked + LOOK_MS - Date.now()));
}

async function look() {
  later = undefined;
  looked = Date.now();
  const answer = await fetch(at(`/recognizers/${id}/arrivals${own}`));
  // Written by the service's own template, which escapes what people wrote.
  if (answer.ok) byId("arrivals").innerHTML = await answer.text();
}
