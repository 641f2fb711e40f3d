// Tools over the Model Context Protocol, at the endpoint that has all of them.

import { ApiError, call, events } from "./api.js";

let last = 0;

async function ask(method, params, { signal, progress } = {}) {
  const id = (last += 1);
  if (progress) params = { ...params, _meta: { progressToken: id } };
  const response = await call("/mcp/", {
    method: "POST",
    signal,
    json: { jsonrpc: "2.0", id, method, params },
    headers: { Accept: "application/json, text/event-stream" },
  });
  if (!response.headers.get("Content-Type").startsWith("text/event-stream"))
    return result(await response.json());
  for await (const { data } of events(response)) {
    const message = JSON.parse(data);
    if (message.id === id) return result(message);
    if (message.method === "notifications/progress") progress?.(message.params);
  }
  throw new ApiError(502, "The tool's answer broke off.");
}

function result(message) {
  if (message.error) throw new ApiError(400, message.error.message);
  return message.result;
}

export async function listTools() {
  const found = [];
  let cursor;
  do {
    const page = await ask("tools/list", cursor ? { cursor } : {});
    found.push(...page.tools);
    cursor = page.nextCursor;
  } while (cursor);
  return found;
}

export const callTool = (name, given, how = {}) =>
  ask("tools/call", { name, arguments: given }, how);

/** The words of a tool's result. */
export const wordsOf = (answer) =>
  answer.content.map((block) => block.text ?? `[${block.type}]`).join("\n");
