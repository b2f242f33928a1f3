// The service's interface, and what it refuses, said at the top of the page.
import { byId, element } from "./elements.js";
import { say } from "./words.js";

// Where a path of the service is found: behind a proxy it may be beneath another one.
export const at = (path) => document.body.dataset.prefix + path;

// The answer to a request as JSON, null where it has none; an Error with the service's own sentence where it refuses.
export async function ask(path, options = {}) {
  const answer = await fetch(at(path), options).catch((error) => {
    throw error.name === "AbortError" ? error : new Error(say("broken"));
  });
  if (!answer.ok) throw await refusal(answer);
  return answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : null;
}

// What a refused request is answered with, as an Error.
export async function refusal(answer) {
  const found = answer.headers.get("Content-Type")?.includes("json") ? await answer.json() : null;
  return Object.assign(new Error(found?.detail ?? `${answer.status} ${answer.statusText}`), { status: answer.status });
}

export function alertOf(error) {
  const close = element("button", { type: "button", className: "link", textContent: say("close") });
  const note = element("div", { className: "note bad row" }, element("span", { textContent: error.message }), close);
  close.onclick = () => note.remove();
  byId("alerts").replaceChildren(note);
  note.scrollIntoView({ block: "nearest" });
}
