// The people's cards come in parts, as somebody gets there, and of a name that is looked for those alone that have it.
import { byId } from "./elements.js";
import { alertOf, at, refusal } from "./service.js";

// What is fetched before it is seen, and milliseconds without a key before a name is looked for.
const AHEAD = "1500px";
const PAUSE_MS = 250;

const { id, version } = document.querySelector("[data-id]").dataset;
const list = byId("people");
const filter = byId("filter");
const watcher = new IntersectionObserver((seen) => seen.some((end) => end.isIntersecting) && more(), { rootMargin: AHEAD });
let asked = 0;
let pause;

watch();
if (filter) {
  filter.oninput = () => {
    clearTimeout(pause);
    pause = setTimeout(find, PAUSE_MS);
  };
  filter.form.onsubmit = (event) => {
    event.preventDefault();
    find();
  };
}

function more() {
  const end = list.querySelector(".more");
  bring(new URL(end.querySelector("a").href).search, (cards) => {
    end.insertAdjacentHTML("beforebegin", cards);
    end.remove();
  });
}

function find() {
  const label = filter.value.trim();
  const query = new URLSearchParams(label ? { version, label } : { version });
  bring(`?${query}`, (cards) => (list.innerHTML = cards));
}

// Cards that are asked for last are shown; those before, which come later, are not wanted any more.
async function bring(query, put) {
  watcher.disconnect();
  const turn = ++asked;
  try {
    const answer = await fetch(at(`/recognizers/${id}/people${query}`));
    if (!answer.ok) throw await refusal(answer);
    const cards = await answer.text();
    if (turn !== asked) return;
    // Written by the service's own template, which escapes what people wrote.
    put(cards);
    list.dispatchEvent(new Event("arrived"));
    watch();
  } catch (error) {
    alertOf(error);
  }
}

function watch() {
  const end = list.querySelector(".more");
  if (end) watcher.observe(end);
}
