// What Claude Code prints, as a conversation.

import { paragraphs } from "./chat.js";
import { h } from "./dom.js";
import { bytes, duration, money } from "./words.js";

/** A line of it, as elements. */
export function turns(value) {
  const blocks = value.message?.content;
  if (value.type === "system")
    return [
      value.subtype === "init" &&
        h(
          "p",
          { class: "small muted" },
          `${value.model ?? "Claude Code"} in ${value.cwd ?? "its workspace"}`,
        ),
    ];
  if (value.type === "result")
    return [
      h(
        "p",
        { class: "small muted" },
        [
          value.subtype?.replaceAll("_", " "),
          value.num_turns && `${value.num_turns} turn${value.num_turns === 1 ? "" : "s"}`,
          value.duration_ms && duration(value.duration_ms / 1000),
          value.total_cost_usd && money(value.total_cost_usd),
        ]
          .filter(Boolean)
          .join(" · "),
      ),
    ];
  if (typeof blocks === "string") return [h("div", { class: "said mine" }, paragraphs(blocks))];
  return (blocks ?? []).map((block) => {
    if (block.type === "text")
      return h(
        "div",
        { class: `said ${value.type === "user" ? "mine" : ""}` },
        paragraphs(block.text),
      );
    if (block.type === "thinking")
      return (
        block.thinking &&
        h(
          "div",
          { class: "said tool" },
          h("details", {}, h("summary", {}, "Thinking"), h("p", {}, block.thinking)),
        )
      );
    if (block.type === "tool_use")
      return h(
        "div",
        { class: "said tool" },
        h(
          "details",
          {},
          h("summary", {}, `${block.name} ${JSON.stringify(block.input).slice(0, 90)}`),
          h("pre", {}, JSON.stringify(block.input, null, 2)),
        ),
      );
    if (block.type === "tool_result") {
      const words =
        typeof block.content === "string"
          ? block.content
          : (block.content ?? []).map((each) => each.text ?? `[${each.type}]`).join("\n");
      return h(
        "div",
        { class: `said tool ${block.is_error ? "bad" : ""}` },
        h("details", {}, h("summary", {}, `Answer, ${bytes(words.length)}`), h("pre", {}, words)),
      );
    }
    return null;
  });
}
