// What every page does: times in words, and deleting and trying again, which the interface has no forms for.
import { byId, element } from "./elements.js";
import { alertOf, ask, at } from "./service.js";
import { say } from "./words.js";

const times = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
for (const time of document.querySelectorAll("time")) time.textContent = times.format(new Date(time.dateTime));

const id = document.querySelector("[data-id]")?.dataset.id;

for (const button of document.querySelectorAll("[data-delete]"))
  button.onclick = async () => {
    if (!(await confirmed(button.dataset.ask, button.textContent))) return;
    const version = button.dataset.delete;
    await attempt(button, async () => {
      await ask(`/v1/recognizers/${id}${version ? `?version=${version}` : ""}`, { method: "DELETE" });
      location.assign(at(`/recognizers/${id}/receipt`));
    });
  };

for (const button of document.querySelectorAll("[data-retry]"))
  button.onclick = () =>
    attempt(button, async () => {
      await ask(`/v1/recognizers/${id}/retry`, { method: "POST" });
      location.assign(at(`/recognizers/${id}`));
    });

async function attempt(button, action) {
  button.disabled = true;
  try {
    await action();
  } catch (error) {
    alertOf(error);
    button.disabled = false;
  }
}

// Whether somebody says yes to a question; the safe answer has the focus.
function confirmed(question, yes) {
  const cancel = element("button", { value: "", textContent: say("cancel"), autofocus: true });
  const agree = element("button", { value: "yes", className: "danger", textContent: yes });
  const form = element("form", { method: "dialog" }, element("p", { id: "question", textContent: question }),
    element("p", { className: "row end" }, cancel, agree));
  const dialog = element("dialog", { "aria-labelledby": "question" }, form);
  byId("main").append(dialog);
  dialog.showModal();
  return new Promise((answer) => {
    dialog.onclose = () => {
      dialog.remove();
      answer(dialog.returnValue === "yes");
    };
  });
}
