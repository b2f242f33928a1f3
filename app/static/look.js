// Corrections of people and faces are collected here, and then make one new version.
import { byId } from "./elements.js";
import { alertOf, ask, at } from "./service.js";
import { say } from "./words.js";

const { id } = document.querySelector("[data-id]").dataset;
const list = byId("people");
// All who are known, whether their cards are here or are still to come.
const known = new Set([...byId("labels").options].map(({ value }) => value));
// New labels by a person's label, and by a face as "number:index"; null leaves out.
const people = new Map();
const faces = new Map();
// Whom each chosen face stands for, by its place: its tile may be off the page meanwhile.
const chosen = new Map();

const cards = () => [...list.querySelectorAll(".person")];
const boxes = () => [...document.querySelectorAll(".face input")];
const placeOf = ({ dataset }) => `${dataset.number}:${dataset.face}`;

byId("main").addEventListener("change", ({ target }) => {
  if (target.matches(".face input")) choose(target);
  else if (target.matches(".person .name")) rename(target);
  else return;
  show();
});
list.addEventListener("click", ({ target }) => {
  if (!target.closest("[data-leave-out]")) return;
  const { person } = target.closest(".person").dataset;
  if (people.get(person) === null) people.delete(person);
  else people.set(person, null);
  show();
});
list.addEventListener("arrived", show);
// What was changed before this page was wholly loaded.
boxes().filter((box) => box.checked).forEach(choose);
cards().forEach((card) => rename(card.querySelector(".name")));
show();

function choose(box) {
  if (box.checked) chosen.set(placeOf(box), box.dataset.person);
  else chosen.delete(placeOf(box));
}

function rename(name) {
  const { person } = name.closest(".person").dataset;
  const label = name.value.trim();
  if (!label || label === person) people.delete(person);
  else people.set(person, label);
  if (!label) name.value = person;
}

byId("selection").onsubmit = (event) => {
  event.preventDefault();
  move(byId("whose").value.trim());
};
byId("leave-out").onclick = () => move(null);
byId("undo").onclick = () => {
  people.clear();
  faces.clear();
  for (const card of cards()) card.querySelector(".name").value = card.dataset.person;
  show();
};
byId("apply").onclick = async () => {
  byId("apply").disabled = true;
  try {
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify({ corrections: corrections() });
    const { version } = await ask(`/v1/recognizers/${id}/corrections`, { method: "POST", headers, body });
    location.assign(at(`/recognizers/${id}?version=${version}`));
  } catch (error) {
    alertOf(error);
    byId("apply").disabled = false;
  }
};

function move(label) {
  if (label === "") return;
  for (const [place, person] of chosen) faces.set(place, { person, label });
  chosen.clear();
  byId("whose").value = "";
  show();
}

// As the interface has them: the faces of a person that get the same label are one correction.
function corrections() {
  const whole = [...people].map(([person, label]) => ({ person, label }));
  const single = new Map();
  for (const [place, { person, label }] of faces) {
    const key = JSON.stringify([person, label]);
    if (!single.has(key)) single.set(key, { person, label, faces: [] });
    single.get(key).faces.push(place.split(":").map(Number));
  }
  return [...whole, ...single.values()];
}

function show() {
  const count = people.size + faces.size;
  byId("selection").hidden = !chosen.size;
  byId("selected").textContent = chosen.size ? say("look.selected", {}, chosen.size) : "";
  byId("collected").hidden = !count;
  byId("corrections").textContent = count ? say("look.corrections", {}, count) : "";
  byId("toolbar").hidden = !chosen.size && !count;
  for (const card of cards()) {
    const { person } = card.dataset;
    const label = people.get(person);
    const joins = label !== person && known.has(label);
    if (label) card.querySelector(".name").value = label;
    card.classList.toggle("gone", label === null);
    card.querySelector(".becomes").textContent = label === null ? `· ${say("look.leave_out")}` : joins ? `· ${say("look.joins", { label })}` : "";
  }
  for (const box of boxes()) {
    const moved = faces.get(placeOf(box));
    box.checked = chosen.has(placeOf(box));
    const tile = box.closest(".face");
    tile.classList.toggle("gone", moved?.label === null);
    tile.dataset.becomes = moved?.label ?? "";
  }
}
