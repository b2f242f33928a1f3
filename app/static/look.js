// Corrections of people and faces are collected here, and then make one new version.
import { byId } from "./elements.js";
import { alertOf, ask, at } from "./service.js";
import { say } from "./words.js";

const { id } = document.querySelector("[data-id]").dataset;
const boxes = [...document.querySelectorAll(".face input")];
const cards = [...document.querySelectorAll(".person[data-person]")];
// New labels by a person's label, and by a face as "number:index"; null leaves out.
const people = new Map();
const faces = new Map();

const placeOf = ({ dataset }) => `${dataset.number}:${dataset.face}`;
const chosen = () => boxes.filter((box) => box.checked);

for (const box of boxes)
  box.onchange = () => {
    for (const same of boxes.filter((other) => placeOf(other) === placeOf(box))) same.checked = box.checked;
    show();
  };
for (const card of cards) {
  const { person } = card.dataset;
  const name = card.querySelector(".name");
  name.onchange = () => {
    const label = name.value.trim();
    if (!label || label === person) people.delete(person);
    else people.set(person, label);
    if (!label) name.value = person;
    show();
  };
  card.querySelector("[data-leave-out]").onclick = () => {
    if (people.get(person) === null) people.delete(person);
    else people.set(person, null);
    show();
  };
}
byId("selection").onsubmit = (event) => {
  event.preventDefault();
  move(byId("whose").value.trim());
};
byId("leave-out").onclick = () => move(null);
byId("undo").onclick = () => {
  people.clear();
  faces.clear();
  for (const card of cards) card.querySelector(".name").value = card.dataset.person;
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
  for (const box of chosen()) {
    faces.set(placeOf(box), { person: box.dataset.person, label });
    box.checked = false;
  }
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
  const selected = new Set(chosen().map(placeOf)).size;
  byId("selection").hidden = !selected;
  byId("selected").textContent = selected ? say("look.selected", {}, selected) : "";
  byId("collected").hidden = !count;
  byId("corrections").textContent = count ? say("look.corrections", {}, count) : "";
  byId("toolbar").hidden = !selected && !count;
  for (const card of cards) {
    const label = people.get(card.dataset.person);
    const joins = cards.some((other) => other !== card && other.dataset.person === label);
    card.classList.toggle("gone", label === null);
    card.querySelector(".becomes").textContent = label === null ? `· ${say("look.leave_out")}` : joins ? `· ${say("look.joins", { label })}` : "";
  }
  for (const box of boxes) {
    const moved = faces.get(placeOf(box));
    const tile = box.closest(".face");
    tile.classList.toggle("gone", moved?.label === null);
    tile.dataset.becomes = moved?.label ?? "";
  }
}
