// The service's interface, and what it refuses, said at the top of the page.
import { byId, element } from "./elements.js";
import { isKnown, say } from "./words.js";

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
  const { status, statusText } = answer;
  return Object.assign(new Error(found?.detail ?? `${status} ${statusText}`), { status, refused: found?.code ?? "" });
}

// What happened, in the page's language, and the service's own sentence about it, which is English.
export function alertOf(error) {
  const said = element("span", {}, element("span", { textContent: error.message }));
  if (error.refused !== undefined) {
    const key = `refused.${error.refused}`;
    said.firstChild.lang = "en";
    said.prepend(element("b", { textContent: isKnown(key) ? say(key) : say("refused") }), element("br"));
  }
  const close = element("button", { type: "button", className: "link", textContent: say("close") });
  const note = element("div", { className: "note bad row" }, said, close);
  close.onclick = () => note.remove();
  byId("alerts").replaceChildren(note);
  note.scrollIntoView({ block: "nearest" });
}
