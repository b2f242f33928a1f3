// Makes an element with properties, and children or texts in it; nothing that is a text is ever read as HTML.
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export const byId = (id) => document.getElementById(id);

// Has files taken as they are chosen, and those that were chosen before this page was lively; then none is chosen any
// more, so that the same can be chosen again.
export function takeChosen(input, taken) {
  input.onchange = () => {
    taken([...input.files]);
    input.value = "";
  };
  if (input.files.length) queueMicrotask(input.onchange);
}

// Lets files be dropped on an element; the drop of anything is taken, so that the browser does not open it.
export function takeDrops(target, dropped) {
  target.addEventListener("dragover", (event) => {
    event.preventDefault();
    target.classList.add("over");
  });
  target.addEventListener("dragleave", () => target.classList.remove("over"));
  target.addEventListener("drop", (event) => {
    event.preventDefault();
    target.classList.remove("over");
    dropped(event.dataTransfer);
  });
}
