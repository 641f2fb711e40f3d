// A form made of a JSON Schema, and the value that it comes to.

import { field, h, options } from "./dom.js";

const LONG = /(^|_)(content|text|body|script|message|query)$|prompt/i;

/** What a property is: its schema without references and without "or null". */
function plain(schema, root) {
  if (schema.$ref) {
    const found = schema.$ref
      .replace("#/", "")
      .split("/")
      .reduce((at, name) => at?.[name], root);
    return plain({ ...found, ...schema, $ref: undefined }, root);
  }
  const some = (schema.anyOf ?? schema.oneOf)?.filter((each) => each.type !== "null");
  if (some?.length === 1)
    return plain({ ...some[0], description: schema.description, default: schema.default }, root);
  const type = Array.isArray(schema.type)
    ? schema.type.find((each) => each !== "null")
    : schema.type;
  return { ...schema, type };
}

/** @returns fields: elements; value(): the arguments, without what was left out. */
export function formOf(schema) {
  const needed = new Set(schema.required ?? []);
  const made = Object.entries(schema.properties ?? {})
    .sort(([one], [other]) => needed.has(other) - needed.has(one))
    .map(([name, given]) => ({ name, ...control(name, plain(given, schema), needed.has(name)) }));
  return {
    fields: made.map((each) => each.element),
    value: () =>
      Object.fromEntries(
        made.map((each) => [each.name, each.read()]).filter(([, value]) => value !== undefined),
      ),
  };
}

function control(name, schema, needed) {
  const label = needed ? `${name} *` : name;
  const usual =
    schema.default === undefined || schema.default === null ? "" : JSON.stringify(schema.default);
  const hint = [schema.description, usual && `Usually ${usual}.`].filter(Boolean).join(" ");
  const common = { name, required: needed };
  if (schema.enum) {
    const names = schema.enum.filter((each) => each !== null).map(String);
    const input = h("select", common, options(needed ? names : [["", "–"], ...names]));
    return {
      element: field(label, input, hint),
      read: () =>
        input.value === "" ? undefined : schema.enum.find((each) => String(each) === input.value),
    };
  }
  if (schema.type === "boolean") {
    const input = h(
      "select",
      common,
      options(needed ? ["false", "true"] : [["", "–"], "false", "true"]),
    );
    return {
      element: field(label, input, hint),
      read: () => (input.value === "" ? undefined : input.value === "true"),
    };
  }
  if (schema.type === "integer" || schema.type === "number") {
    const input = h("input", {
      ...common,
      type: "number",
      step: schema.type === "integer" ? "1" : "any",
      min: schema.minimum,
      max: schema.maximum,
    });
    return {
      element: field(label, input, hint),
      read: () => (input.value === "" ? undefined : Number(input.value)),
    };
  }
  if (schema.type === "string") {
    const input = LONG.test(name)
      ? h("textarea", { ...common, rows: 3 })
      : h("input", {
          ...common,
          type: /key|token|secret|password/i.test(name) && !needed ? "password" : "text",
          autocomplete: "off",
        });
    return {
      element: field(label, input, hint),
      read: () => (input.value === "" && !needed ? undefined : input.value),
    };
  }
  const input = h("textarea", {
    ...common,
    class: "mono",
    rows: 3,
    placeholder: schema.type === "array" ? "[…]" : "{…}",
    spellcheck: "false",
    oninput: () => input.setCustomValidity(isJson(input.value) ? "" : "This is no JSON."),
  });
  return {
    element: field(`${label} (JSON)`, input, hint),
    read: () => (input.value.trim() === "" ? undefined : JSON.parse(input.value)),
  };
}

function isJson(text) {
  try {
    return text.trim() === "" || JSON.parse(text) !== undefined;
  } catch {
    return false;
  }
}
