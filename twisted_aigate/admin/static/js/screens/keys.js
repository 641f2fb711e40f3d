// Keys: made, limited, blocked; what each has spent.

import { callJson, models } from "../api.js";
import {
  ask,
  badge,
  button,
  card,
  dialog,
  doing,
  empty,
  field,
  fill,
  h,
  head,
  options,
  secretText,
  show,
  table,
  toast,
} from "../dom.js";
import { count, moment, money } from "../words.js";

const PAGE = 50;
const post = (path, json) => callJson(path, { method: "POST", json });

export function open(page, signal) {
  let at = 1;
  const list = h("div");
  const pages = h("div", { class: "row" });
  fill(
    page,
    head(
      "Keys",
      "Virtual keys for people and programs: what each may use, how much, and until when.",
      button("New key", () => edit(null), { kind: "primary", symbol: "plus" }),
    ),
    card("Keys", list, pages),
  );
  refresh();

  function refresh(how) {
    return show(
      list,
      async () => {
        const found = await callJson(`/key/list?return_full_object=true&size=${PAGE}&page=${at}`, {
          signal,
        });
        fill(
          pages,
          found.total_pages > 1 && [
            h("span", { class: "small muted" }, `${found.current_page} of ${found.total_pages}`),
            button(
              "Earlier",
              () => {
                at -= 1;
                refresh();
              },
              { kind: "tiny", disabled: at <= 1 },
            ),
            button(
              "Later",
              () => {
                at += 1;
                refresh();
              },
              { kind: "tiny", disabled: at >= found.total_pages },
            ),
          ],
        );
        if (!found.keys.length)
          return empty("No virtual key yet: all calls come with the master key.", "keys");
        return table(
          "Keys",
          [["Key"], ["State"], ["Models"], ["Spend"], ["Limits"], ["Made"], [""]],
          found.keys.map(row),
        );
      },
      how,
    );
  }

  const again = () => refresh({ keep: true });

  function row(key) {
    const gone = key.expires && new Date(key.expires) < new Date();
    const name = key.key_alias || key.key_name;
    const block = button(
      key.blocked ? "Unblock" : "Block",
      doing(async () => {
        await post(key.blocked ? "/key/unblock" : "/key/block", { key: key.token });
        toast(`${name} is ${key.blocked ? "open again" : "blocked"}`);
        await again();
      }),
      { kind: "tiny" },
    );
    const limits = [
      key.rpm_limit && `${count(key.rpm_limit)} calls/min`,
      key.tpm_limit && `${count(key.tpm_limit)} tokens/min`,
      key.max_parallel_requests && `${key.max_parallel_requests} at once`,
    ].filter(Boolean);
    return h(
      "tr",
      { "data-key": name },
      h(
        "td",
        {},
        h("div", { class: "name" }, name),
        h("div", { class: "under mono" }, key.key_name),
      ),
      h(
        "td",
        {},
        key.blocked
          ? badge("blocked", "bad")
          : gone
            ? badge("expired", "warn")
            : badge("active", "good"),
        key.expires && !gone && h("div", { class: "under" }, `until ${moment(key.expires)}`),
      ),
      h(
        "td",
        {},
        key.models.length
          ? h(
              "div",
              { class: "chips" },
              key.models.slice(0, 4).map((each) => badge(each)),
              key.models.length > 4 && badge(`+${key.models.length - 4}`),
            )
          : h("span", { class: "muted" }, "all"),
      ),
      h("td", {}, spend(key)),
      h(
        "td",
        { class: "small" },
        limits.length
          ? limits.map((each) => h("div", { class: "nowrap" }, each))
          : h("span", { class: "muted" }, "none"),
      ),
      h("td", { class: "nowrap small muted" }, moment(key.created_at)),
      h(
        "td",
        { class: "actions" },
        button("Limit", () => edit(key), { kind: "tiny" }),
        block,
        button(
          "Delete",
          () =>
            ask(`Delete ${name}?`, "Delete", async () => {
              await post("/key/delete", { keys: [key.token] });
              await again();
            }),
          { kind: "tiny danger" },
        ),
      ),
    );
  }

  function spend(key) {
    if (key.max_budget === null) return money(key.spend);
    const share = key.max_budget ? key.spend / key.max_budget : 1;
    return [
      h("div", { class: "nowrap" }, `${money(key.spend)} of ${money(key.max_budget)}`),
      h("progress", {
        max: 1,
        value: Math.min(share, 1),
        class: share >= 1 ? "bad" : share > 0.8 ? "warn" : "",
        "aria-label": "Share of the budget that is spent",
      }),
      key.budget_duration && h("div", { class: "under" }, `each ${key.budget_duration}`),
    ];
  }

  async function edit(key) {
    let known = [];
    try {
      known = (await models()).map((each) => each.name);
    } catch (error) {
      toast(error.message, "bad");
    }
    const input = (name, value, more = {}) =>
      h("input", { name, value: value ?? "", autocomplete: "off", ...more });
    const number = (name, value, more) =>
      input(name, value, {
        type: "number",
        min: "0",
        step: name === "max_budget" ? "any" : "1",
        ...more,
      });
    dialog(key ? `Limits of ${key.key_alias || key.key_name}` : "New key", (title, close) => {
      // One of a key that is off now stays in its list.
      const chosen = h(
        "div",
        { class: "checks" },
        [...new Set([...known, ...(key?.models ?? [])])].map((name) =>
          h(
            "label",
            { class: "check" },
            h("input", {
              type: "checkbox",
              name: "models",
              value: name,
              checked: key?.models.includes(name),
            }),
            name,
          ),
        ),
      );
      const form = h(
        "form",
        {
          onsubmit: doing(async () => {
            const given = new FormData(form);
            const text = (name) => given.get(name)?.trim() || null;
            const asked = {
              models: given.getAll("models"),
              budget_duration: text("budget_duration"),
              allowed_mcp_servers: text("allowed_mcp_servers")?.match(/[^\s,]+/g) ?? [],
            };
            for (const name of ["max_budget", "rpm_limit", "tpm_limit", "max_parallel_requests"])
              asked[name] = text(name) === null ? null : Number(text(name));
            for (const name of ["key_alias", "duration"]) if (text(name)) asked[name] = text(name);
            if (key) await post("/key/update", { key: key.token, ...asked });
            const made = key ? null : await post("/key/generate", asked);
            close();
            if (made) tell(made);
            await again();
          }),
        },
        title,
        field(
          "Name",
          input("key_alias", key?.key_alias, { maxlength: 200, placeholder: "such as notebook" }),
        ),
        h(
          "fieldset",
          { class: "field" },
          h("legend", {}, "Models ", h("span", { class: "hint" }, "none chosen: all of them")),
          chosen,
        ),
        field(
          "Tools of these servers",
          input("allowed_mcp_servers", key?.allowed_mcp_servers?.join(", "), {
            placeholder: "none, or such as hybrids3, claudebox",
          }),
        ),
        h(
          "div",
          { class: "fields" },
          field(
            "Budget, in dollars",
            number("max_budget", key?.max_budget, { placeholder: "none" }),
          ),
          field(
            "Anew each",
            h(
              "select",
              { name: "budget_duration" },
              options(
                [
                  ["", "never"],
                  ["1d", "day"],
                  ["7d", "week"],
                  ["30d", "30 days"],
                ],
                key?.budget_duration ?? "",
              ),
            ),
          ),
          field(
            "Valid for",
            input("duration", "", { placeholder: key ? "unchanged" : "always, or 30d, 12h" }),
          ),
        ),
        h(
          "div",
          { class: "fields" },
          field("Calls a minute", number("rpm_limit", key?.rpm_limit, { placeholder: "any" })),
          field("Tokens a minute", number("tpm_limit", key?.tpm_limit, { placeholder: "any" })),
          field(
            "Calls at once",
            number("max_parallel_requests", key?.max_parallel_requests, { placeholder: "any" }),
          ),
        ),
        h(
          "div",
          { class: "buttons" },
          button("Cancel", close),
          button(key ? "Save" : "Make key", null, { kind: "primary", type: "submit" }),
        ),
      );
      return form;
    });
  }

  function tell(made) {
    dialog("The key", (title, close) =>
      h(
        "div",
        { class: "content" },
        title,
        h("p", {}, "It is shown this once: only its hash is kept."),
        secretText(made.key),
        h("div", { class: "buttons" }, button("Done", close, { kind: "primary" })),
      ),
    );
  }
}
