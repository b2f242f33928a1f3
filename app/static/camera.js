// The camera: on until it is turned off or the page is left.
import { element } from "./elements.js";
import { say } from "./words.js";

// Pixels: large enough for faces, small enough to be sent many times a second.
const WANTED = { width: { ideal: 640 }, height: { ideal: 480 } };

export class Camera {
  #stream = null;

  constructor(video = element("video", { muted: true, playsInline: true })) {
    this.video = video;
    addEventListener("pagehide", () => this.stop());
  }

  get isOn() {
    return this.#stream !== null;
  }

  // Turns it on; an Error in words for whoever has none, or does not allow it.
  async start() {
    try {
      this.#stream = await navigator.mediaDevices.getUserMedia({ video: WANTED });
      this.video.srcObject = this.#stream;
      await this.video.play();
    } catch (error) {
      this.stop();
      throw new Error(say("try.no_camera", { why: error.message }));
    }
  }

  stop() {
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = null;
    this.video.srcObject = null;
  }

  // What it sees now, as a bitmap and as a JPEG.
  async picture() {
    const bitmap = await createImageBitmap(this.video);
    const canvas = element("canvas", { width: bitmap.width, height: bitmap.height });
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    return { bitmap, jpeg: await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.92)) };
  }
}
