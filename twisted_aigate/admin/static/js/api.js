// Calls to the server, each with the master key, which is kept here and nowhere else.

let key = "";
let refused = () => {};

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const setKey = (text) => {
  key = text;
};

/** Have someone told that the key opens nothing any more. */
export const onRefused = (hear) => {
  refused = hear;
};

/** The subprotocols that a WebSocket of ours is opened with: it can carry no header field. */
export function subprotocols() {
  const encoded = btoa(key).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return ["aigate", `aigate-key.${encoded}`];
}

const RETRIES = 3;
const REFUSALS = new Set([401, 403]);
const KEY_CHECK = "/ui/logs?limit=1";

async function send(url, { method = "GET", json, body, headers = {}, signal } = {}) {
  const fields = { "X-Aigate-Key": key, ...headers };
  if (json !== undefined) {
    fields["Content-Type"] = "application/json";
    body = JSON.stringify(json);
  }
  for (let tries = 0; ; tries += 1) {
    const response = await ask(url, { method, headers: fields, body, signal });
    const wait = Number(response.headers.get("Retry-After"));
    if (response.status === 429 && method === "GET" && tries < RETRIES && wait <= 5) {
      await new Promise((done) => setTimeout(done, wait * 1000));
      continue;
    }
    if (response.ok) return response;
    if (REFUSALS.has(response.status)) await checkKey();
    throw new ApiError(response.status, await reason(response));
  }
}

async function ask(url, how) {
  try {
    // In full: of a page whose address had a password in it, paths alone are refused.
    return await fetch(location.origin + url, { cache: "no-store", ...how });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The server cannot be reached.");
  }
}

/** See whether it was our key that was refused, or another that a call has brought. */
async function checkKey() {
  const response = await ask(KEY_CHECK, { headers: { "X-Aigate-Key": key } });
  if (REFUSALS.has(response.status)) refused();
}

async function reason(response) {
  const text = await response.text();
  let said;
  try {
    const value = JSON.parse(text);
    said = value.error?.message ?? value.error ?? value.detail ?? value.message;
  } catch {
    said = new DOMParser().parseFromString(text, "text/xml").querySelector("Message")?.textContent;
  }
  return typeof said === "string" ? said : `The server answered ${response.status}.`;
}

/** A path of the platform, such as /v1/models or /storage/: the answer. */
export const call = (path, how) => send(`/ui/api${path}`, how);

export const callJson = async (path, how) => (await call(path, how)).json();

/** A path of the page's own. */
export const ownJson = async (path) => (await send(`/ui${path}`)).json();

/** Server-sent events, one after another, as { event, data }. */
export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      held += value.replaceAll("\r\n", "\n");
      for (let end; (end = held.indexOf("\n\n")) >= 0; held = held.slice(end + 2)) {
        const found = { event: "message", data: "" };
        for (const line of held.slice(0, end).split("\n")) {
          if (line.startsWith("data:"))
            found.data += (found.data && "\n") + line.slice(5).trimStart();
          else if (line.startsWith("event:")) found.event = line.slice(6).trim();
        }
        if (found.data) yield found;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** Put a file; told of progress, which fetch does not tell. */
export function upload(path, file, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", `/ui/api${path}`);
    request.setRequestHeader("X-Aigate-Key", key);
    if (file.type) request.setRequestHeader("Content-Type", file.type);
    request.upload.onprogress = (event) => progress(event.loaded, event.total);
    request.onerror = () => reject(new ApiError(0, "The connection broke."));
    request.onabort = () => reject(new DOMException("cancelled", "AbortError"));
    request.onload = async () => {
      if (request.status < 300) resolve();
      else
        reject(
          new ApiError(
            request.status,
            await reason(new Response(request.responseText, { status: request.status })),
          ),
        );
    };
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

export const inPath = (key) => key.split("/").map(encodeURIComponent).join("/");

/** The models that are on, with the mode of each: what the name is asked for. */
export async function models() {
  const { data } = await callJson("/model/info");
  const found = new Map();
  for (const each of data)
    if (!found.has(each.model_name)) found.set(each.model_name, each.model_info.mode);
  return [...found].map(([name, mode]) => ({ name, mode }));
}
