// Names on a photo, or on what the camera sees.
import { Camera } from "./camera.js";
import { byId, element, takeChosen, takeDrops } from "./elements.js";
import { alertOf, ask } from "./service.js";
import { number, say } from "./words.js";

// Pixels of a photo's longer side when it is shown.
const SHOWN = 1600;

const { id, version } = document.querySelector("[data-id]").dataset;
const camera = new Camera();

if (byId("drop")) {
  takeDrops(byId("drop"), (transfer) => transfer.files[0] && lookAt(transfer.files[0]));
  takeDrops(byId("picture"), (transfer) => transfer.files[0] && lookAt(transfer.files[0]));
  byId("choose").onclick = byId("another").onclick = () => byId("photo").click();
  takeChosen(byId("photo"), ([photo]) => lookAt(photo));
  byId("webcam").onclick = watch;
  byId("stop").onclick = stop;
}

async function recognized(photo, name) {
  const body = new FormData();
  body.append("image", photo, name);
  return (await ask(`/v1/recognizers/${id}/recognize?version=${version}`, { method: "POST", body })).images[0];
}

async function lookAt(photo) {
  stop();
  byId("message").textContent = say("try.looking");
  byId("faces").replaceChildren();
  try {
    const [found, picture] = await Promise.all([recognized(photo, photo.name), createImageBitmap(photo).catch(() => null)]);
    if (picture) draw(picture, found);
    show(found.faces);
    if (found.first_of_several) byId("message").textContent += ` ${say("try.first")}`;
    if (!picture) byId("message").textContent += ` ${say("try.no_picture")}`;
  } catch (error) {
    byId("message").textContent = "";
    alertOf(error);
  }
}

async function watch() {
  try {
    await camera.start();
    byId("stop").hidden = false;
    byId("stop").focus();
    while (camera.isOn) {
      const { bitmap, jpeg } = await camera.picture();
      const found = await recognized(jpeg, "camera.jpg");
      if (!camera.isOn) return;
      draw(bitmap, found);
      show(found.faces);
    }
  } catch (error) {
    alertOf(error);
    stop();
  }
}

function stop() {
  camera.stop();
  byId("stop").hidden = true;
}

function draw(picture, { faces, width }) {
  const canvas = byId("canvas");
  const scale = Math.min(1, SHOWN / Math.max(picture.width, picture.height));
  [canvas.width, canvas.height] = [picture.width * scale, picture.height * scale];
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const size = Math.max(canvas.width, canvas.height);
  const letters = Math.max(13, size / 40);
  context.lineWidth = Math.max(2, size / 250);
  context.font = `600 ${letters}px system-ui, sans-serif`;
  context.textBaseline = "top";
  for (const { box, person } of faces) {
    const [left, top, right, bottom] = [box.x_min, box.y_min, box.x_max, box.y_max].map((side) => (side * canvas.width) / width);
    const text = person ?? say("try.unknown");
    const long = context.measureText(text).width + letters;
    const at = Math.max(0, Math.min(left, canvas.width - long));
    context.strokeStyle = context.fillStyle = person === null ? "#5c6470" : "#1c7c45";
    context.strokeRect(left, top, right - left, bottom - top);
    context.fillRect(at, Math.min(bottom, canvas.height - 1.5 * letters), long, 1.5 * letters);
    context.fillStyle = "#fff";
    context.fillText(text, at + letters / 2, Math.min(bottom, canvas.height - 1.5 * letters) + letters / 4);
  }
  byId("drop").hidden = true;
  byId("picture").hidden = byId("again").hidden = false;
}

function show(faces) {
  byId("message").textContent = say("try.found", {}, faces.length);
  byId("faces").replaceChildren(...faces.map(({ person, confidence, reason, candidates }) => {
    const share = (value) => number(100 * value, value > 0.99 || value < 0.01 ? 1 : 0);
    const words = [];
    if (person !== null) words.push(say("try.sure", { share: share(confidence) }));
    else if (reason) words.push(say(`reason.${reason}`));
    if (person === null && candidates.length) words.push(say("try.likest", { label: candidates[0].person, share: share(candidates[0].confidence) }));
    return element("li", { className: person === null ? "unknown" : "known" },
      element("b", { textContent: person ?? say("try.unknown") }), ...words.map((text) => element("span", { className: "soft", textContent: text })));
  }));
}
