// How far a build is, from its stream of events.
import { byId } from "./elements.js";
import { at } from "./service.js";
import { number, say } from "./words.js";

// Milliseconds between two looks at whose pictures were looked at.
const LOOK_MS = 1000;

const { id, version } = document.querySelector("[data-id]").dataset;
const own = `?version=${version}`;
const began = { unit: null, at: 0, done: 0 };
const errors = [];
let looked = 0;

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
  if (unit === "images") look();
}

// How long it takes on, by how long it took since this page first saw that kind of work.
function left(unit, done, total, search) {
  if (unit !== began.unit) Object.assign(began, { unit, at: Date.now(), done });
  const passed = (Date.now() - began.at) / 1000;
  const seconds = search ? search.time_left_s : ((total - done) * passed) / (done - began.done);
  if (!Number.isFinite(seconds) || (!search && passed < 2)) return "";
  return seconds < 90 ? say("watch.left.s", {}, Math.max(1, Math.round(seconds))) : say("watch.left.min", {}, Math.round(seconds / 60));
}

function showSearch({ generation, generations, best_error: error, layers, evaluated }) {
  errors[generation] = error;
  const seen = errors.map((value, turn) => [turn, value]).filter(([, value]) => value != null);
  const [most, least] = [Math.max(...errors.filter((e) => e != null)), Math.min(...errors.filter((e) => e != null))];
  const points = seen.map(([turn, value]) => `${(600 * turn) / generations},${most > least ? 150 - (140 * (value - least)) / (most - least) : 150}`);
  byId("search").querySelector("polyline").setAttribute("points", points.join(" "));
  byId("search-words").textContent = say("watch.search", { evaluated: number(evaluated), layers: say("watch.layers", {}, layers), error: number(100 * error, 4) });
  byId("search").hidden = false;
}

async function look() {
  if (Date.now() - looked < LOOK_MS) return;
  looked = Date.now();
  const answer = await fetch(at(`/recognizers/${id}/arrivals${own}`));
  // Written by the service's own template, which escapes what people wrote.
  if (answer.ok) byId("arrivals").innerHTML = await answer.text();
}
