// A script of the book, asked for when it is needed. It leaves what it brings under a
// name: a page that was opened from a disk may load a script, but may not fetch.
import { make } from "../kit/draw.js";

export const arrived = (address, name) =>
  new Promise((done, failed) => {
    const script = make("script", {
      src: address,
      onload: () => done(globalThis[name]),
      onerror: () => failed(new Error(address)),
    });
    document.head.append(script);
  });
