// The one WebSocket: seconds as they pass, how things stand, and the log for who follows it.

import { subprotocols } from "./api.js";

const KEPT = 300;
const AGAIN_FIRST = 1000;
const AGAIN_MOST = 15_000;

class Live extends EventTarget {
  rows = [];
  minute = null;
  states = {};
  services = [];
  version = "";
  connected = false;
  #socket = null;
  #again = AGAIN_FIRST;
  #follows = false;
  #timer = 0;

  open() {
    this.#again = AGAIN_FIRST;
    this.#connect();
  }

  close() {
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#timer);
    this.connected = false;
    socket?.close();
  }

  follow(on) {
    this.#follows = on;
    if (this.connected) this.#socket.send(JSON.stringify({ logs: on }));
  }

  #connect() {
    const url = new URL("/ui/live", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = (this.#socket = new WebSocket(url, subprotocols()));
    // One that was closed has nothing more to say.
    const own = (hear) => (event) => socket === this.#socket && hear(event);
    socket.onopen = own(() => {
      this.#again = AGAIN_FIRST;
      this.#is(true);
      if (this.#follows) this.follow(true);
    });
    socket.onmessage = own((message) => this.#told(JSON.parse(message.data)));
    socket.onclose = own(() => {
      this.#is(false);
      this.#timer = setTimeout(() => this.#connect(), this.#again);
      this.#again = Math.min(this.#again * 2, AGAIN_MOST);
    });
  }

  #is(connected) {
    this.connected = connected;
    this.dispatchEvent(new Event("connection"));
  }

  #told(told) {
    this.rows = told.version ? told.rows : [...this.rows, ...told.rows].slice(-KEPT);
    this.minute = told.minute;
    Object.assign(this.states, told.states);
    if (told.version) {
      this.version = told.version;
      this.services = told.services ?? [];
      this.dispatchEvent(new Event("connection"));
    }
    this.dispatchEvent(new Event("second"));
    for (const name of Object.keys(told.states)) this.dispatchEvent(new Event(name));
    if (told.events?.length) this.dispatchEvent(new CustomEvent("logged", { detail: told.events }));
  }
}

export const live = new Live();

/** Hear of something until a screen is left. */
export function on(signal, name, hear) {
  live.addEventListener(name, hear, { signal });
}
