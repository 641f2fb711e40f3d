// A conversation with a model: streamed, with pictures, and with tools that are called for it.

import { call, events } from "./api.js";
import { button, doing, field, fill, h, icon, iconButton, options, toast } from "./dom.js";
import { callTool, listTools, wordsOf } from "./mcp.js";
import { count, duration } from "./words.js";

const MOST_TURNS = 8;
const MOST_PICTURE = 8 * 1024 * 1024;

export function chat(fits, signal) {
  const messages = [];
  let pictures = [];
  let tools = null;
  let running = null;
  const talk = h("div", {
    class: "talk",
    role: "log",
    "aria-label": "Conversation",
    tabindex: "0",
  });
  const hint = h(
    "p",
    { class: "muted" },
    "Say something. Shift+Enter makes a new line; pictures can be dropped or pasted.",
  );
  const model = h(
    "select",
    { "aria-label": "Model", class: "grow" },
    options(fits, fits.includes("default") ? "default" : fits[0]),
  );
  const system = h("textarea", { rows: 3, placeholder: "You are…" });
  const warmth = h("input", {
    type: "number",
    min: "0",
    max: "2",
    step: "0.1",
    placeholder: "the model's",
  });
  const most = h("input", { type: "number", min: "1", step: "1", placeholder: "the model's" });
  const toolList = h("div", { class: "stack small" }, h("p", { class: "muted" }, "Open to load."));
  const text = h("textarea", {
    rows: 1,
    "aria-label": "Message",
    placeholder: "Message",
    onkeydown: (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        form.requestSubmit();
      }
    },
  });
  const thumbs = h("div", { class: "thumbs", hidden: true });
  const file = h("input", {
    type: "file",
    accept: "image/*",
    multiple: true,
    hidden: true,
    onchange: () => {
      add(file.files);
      file.value = "";
    },
  });
  const send = h("button", { class: "primary", type: "submit" }, icon("send"), "Send");
  const stop = button("Stop", () => running?.abort(), { symbol: "stop", hidden: true });
  const form = h(
    "form",
    {
      class: "say",
      onsubmit: (event) => {
        event.preventDefault();
        say();
      },
    },
    thumbs,
    text,
    h(
      "div",
      { class: "row" },
      iconButton("Add pictures", "image", () => file.click()),
      file,
      h("span", { class: "grow" }),
      button(
        "New conversation",
        () => {
          running?.abort();
          messages.length = 0;
          fill(talk, hint);
          text.focus();
        },
        { kind: "ghost" },
      ),
      stop,
      send,
    ),
  );
  const box = h("section", { class: "card chat", "aria-label": "Chat" }, talk, form);
  fill(talk, hint);

  box.addEventListener("dragover", (event) => {
    event.preventDefault();
    box.classList.add("drop-here");
  });
  box.addEventListener("dragleave", () => box.classList.remove("drop-here"));
  box.addEventListener("drop", (event) => {
    event.preventDefault();
    box.classList.remove("drop-here");
    add(event.dataTransfer.files);
  });
  text.addEventListener("paste", (event) => add(event.clipboardData.files));

  const settings = h(
    "div",
    { class: "card" },
    h(
      "div",
      { class: "body stack" },
      field("Model", model),
      h(
        "details",
        {},
        h("summary", {}, "System prompt and sampling"),
        h(
          "div",
          { class: "stack" },
          field("System prompt", system),
          h("div", { class: "fields" }, field("Temperature", warmth), field("Most tokens", most)),
        ),
      ),
      h(
        "details",
        { ontoggle: doing(loadTools) },
        h("summary", {}, "Tools that it may call"),
        toolList,
      ),
    ),
  );

  async function loadTools() {
    if (tools) return;
    tools = await listTools();
    fill(
      toolList,
      tools.length
        ? tools.map((tool) =>
            h(
              "label",
              { class: "check" },
              h("input", { type: "checkbox", value: tool.name }),
              h("span", { title: tool.description }, tool.name),
            ),
          )
        : h("p", { class: "muted" }, "There are none."),
    );
  }

  const chosenTools = () =>
    [...toolList.querySelectorAll("input:checked")].map((input) =>
      tools.find((tool) => tool.name === input.value),
    );

  function add(files) {
    for (const each of files) {
      if (!each.type.startsWith("image/")) continue;
      if (each.size > MOST_PICTURE) {
        toast(`${each.name} is too large`, "bad");
        continue;
      }
      const reader = new FileReader();
      reader.onload = () => {
        pictures.push({ name: each.name, url: reader.result });
        drawThumbs();
      };
      reader.readAsDataURL(each);
    }
  }

  function drawThumbs() {
    thumbs.hidden = !pictures.length;
    fill(
      thumbs,
      pictures.map((each) =>
        h(
          "button",
          {
            type: "button",
            "aria-label": `Remove ${each.name}`,
            title: "Remove",
            onclick: () => {
              pictures = pictures.filter((other) => other !== each);
              drawThumbs();
            },
          },
          h("img", { src: each.url, alt: "" }),
        ),
      ),
    );
  }

  function put(kind, ...content) {
    hint.remove();
    const said = h("div", { class: `said ${kind}` }, content);
    talk.append(said);
    talk.scrollTop = talk.scrollHeight;
    return said;
  }

  async function say() {
    const words = text.value.trim();
    if ((!words && !pictures.length) || running) return;
    put(
      "mine",
      pictures.map((each) => h("img", { src: each.url, alt: each.name })),
      words && paragraphs(words),
    );
    messages.push({
      role: "user",
      content: pictures.length
        ? [
            ...(words ? [{ type: "text", text: words }] : []),
            ...pictures.map(({ url }) => ({ type: "image_url", image_url: { url } })),
          ]
        : words,
    });
    text.value = "";
    pictures = [];
    drawThumbs();
    running = new AbortController();
    signal.addEventListener("abort", () => running?.abort());
    send.hidden = true;
    stop.hidden = false;
    const kept = messages.length;
    try {
      for (let turn = 0; turn < MOST_TURNS && (await answer(running.signal)); turn += 1);
    } catch (error) {
      if (error.name !== "AbortError") {
        messages.length = kept - 1;
        put("bad", h("p", {}, error.message));
        text.value ||= words;
      }
    } finally {
      running = null;
      send.hidden = false;
      stop.hidden = true;
      if (document.activeElement === document.body || document.activeElement === stop) text.focus();
    }
  }

  /** One answer; whether the model has called tools, and so is to go on. */
  async function answer(stopped) {
    const offered = chosenTools();
    const began = performance.now();
    const response = await call("/v1/chat/completions", {
      method: "POST",
      signal: stopped,
      json: {
        model: model.value,
        stream: true,
        stream_options: { include_usage: true },
        messages: [
          ...(system.value.trim() ? [{ role: "system", content: system.value.trim() }] : []),
          ...messages,
        ],
        ...(warmth.value !== "" && { temperature: Number(warmth.value) }),
        ...(most.value !== "" && { max_tokens: Number(most.value) }),
        ...(offered.length && {
          tools: offered.map((tool) => ({
            type: "function",
            function: {
              name: tool.name,
              description: tool.description,
              parameters: tool.inputSchema,
            },
          })),
        }),
      },
    });
    const said = put("busy", h("p", {}, ""));
    const calls = [];
    let words = "";
    let usage = null;
    let first = null;
    try {
      for await (const { data } of events(response)) {
        if (data === "[DONE]") break;
        const chunk = JSON.parse(data);
        if (chunk.error) throw new Error(chunk.error.message);
        usage = chunk.usage ?? usage;
        const delta = chunk.choices?.[0]?.delta ?? {};
        for (const part of delta.tool_calls ?? []) {
          const known = (calls[part.index] ??= {
            id: "",
            type: "function",
            function: { name: "", arguments: "" },
          });
          known.id ||= part.id ?? "";
          known.function.name += part.function?.name ?? "";
          known.function.arguments += part.function?.arguments ?? "";
        }
        if (delta.content) {
          first ??= performance.now() - began;
          words += delta.content;
          const below = talk.scrollHeight - talk.scrollTop - talk.clientHeight < 60;
          fill(said, paragraphs(words));
          if (below) talk.scrollTop = talk.scrollHeight;
        }
      }
    } finally {
      said.classList.remove("busy");
      if (!words) said.remove();
      else
        said.append(
          h(
            "p",
            { class: "meta" },
            [
              usage && `${count(usage.completion_tokens)} tokens`,
              first !== null && `first after ${duration(first / 1000)}`,
              duration((performance.now() - began) / 1000),
            ]
              .filter(Boolean)
              .join(" · "),
          ),
        );
      if (words || calls.length)
        messages.push({
          role: "assistant",
          content: words || null,
          ...(calls.length && { tool_calls: calls }),
        });
    }
    for (const each of calls)
      messages.push({
        role: "tool",
        tool_call_id: each.id,
        content: await use(each.function, stopped),
      });
    return calls.length > 0;
  }

  async function use({ name, arguments: given }, stopped) {
    const outcome = h("span", { class: "muted" }, "working");
    const shown = put(
      "tool",
      h("details", {}, h("summary", {}, `${name} `, outcome), h("pre", {}, given)),
    );
    try {
      const result = await callTool(name, JSON.parse(given || "{}"), { signal: stopped });
      const words = wordsOf(result);
      outcome.textContent = result.isError ? "refused" : "done";
      shown.firstChild.append(h("pre", {}, words));
      return words;
    } catch (error) {
      if (error.name === "AbortError") throw error;
      outcome.textContent = "failed";
      return `The tool failed: ${error.message}`;
    }
  }

  return h("div", { class: "split" }, settings, box);
}

/** Text with its fenced code as code. */
export function paragraphs(text) {
  return text
    .split(/^```[^\n]*\n?/m)
    .map((part, at) =>
      at % 2
        ? h("pre", { tabindex: "0" }, part.replace(/\n$/, ""))
        : part.trim() && h("p", {}, part.trim()),
    );
}
