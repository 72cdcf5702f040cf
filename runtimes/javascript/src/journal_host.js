// The module that a script imports, and how the functions of a script are called.

const native = globalThis.__native;
delete globalThis.__native;

class Rejected extends Error {}
Object.defineProperty(Rejected.prototype, "name", { value: "Rejected" });

/** Refuses the object that is being processed, in `processTYPE`: its rows are dropped, and the operator reads why. */
export function reject(reason) {
  throw new Rejected(String(reason));
}

const writer = (level) => (...values) => native.log(level, values.map(show).join(" "));

/** The operator's log. */
export const log = Object.freeze({ error: writer(0), warn: writer(1), info: writer(2), debug: writer(3) });

/** The text of bytes in UTF-8; other bytes become U+FFFD. */
export const text = native.text;

/** The bytes of a text in UTF-8. */
export const bytes = native.bytes;

/** The hexadecimal digits of bytes, or of those that a text such as the name of a branch is of. */
export function hex(value) {
  if (typeof value === "string") return native.bytes(value).toHex();
  if (!(value instanceof Uint8Array)) throw new TypeError(`\`hex\` takes a Uint8Array, and not ${kindOf(value)}`);
  return value.toHex();
}

const SWHIDS = { content: "cnt", directory: "dir", revision: "rev", release: "rel", snapshot: "snp", origin: "ori" };

/** A SWHID, as in `swhid("revision", revision.id)`. */
export function swhid(type, id) {
  if (!Object.hasOwn(SWHIDS, type)) {
    throw new TypeError(`\`${type}\` has no SWHID: ${Object.keys(SWHIDS).join(", ")} have`);
  }
  if (!(id instanceof Uint8Array) || id.length !== 20) throw new TypeError("the identifier of a SWHID is a Uint8Array of 20 bytes");
  return `swh:1:${SWHIDS[type]}:${id.toHex()}`;
}

let script, given = {};

/** The options of the script, which its constant `OPTIONS` declares. */
export const options = new Proxy(Object.create(null), {
  get: (_, name) => (typeof name === "symbol" || isAskedByStringify(name) ? undefined : option(name)),
  has: (_, name) => Object.hasOwn(declared(), name),
  ownKeys: () => Object.keys(declared()),
  getOwnPropertyDescriptor: (_, name) =>
    Object.hasOwn(declared(), name) ? { value: option(name), enumerable: true, configurable: true } : undefined,
  set: (_, name) => unchangeable(name),
  defineProperty: (_, name) => unchangeable(name),
  deleteProperty: (_, name) => unchangeable(name),
  setPrototypeOf: () => { throw new TypeError("the options cannot be changed"); },
  preventExtensions: () => { throw new TypeError("the options cannot be frozen: they never change"); },
});

function unchangeable(name) {
  throw new TypeError(`the option \`${String(name)}\` cannot be changed`);
}

// `JSON.stringify` asks every object for this function.
function isAskedByStringify(name) {
  return name === "toJSON" && !Object.hasOwn(declared(), name);
}

function declared() {
  if (!script) throw new TypeError("options are read in a function: they are not known yet where the script's own lines run");
  return script.OPTIONS ?? {};
}

function option(name) {
  const all = declared();
  if (!Object.hasOwn(all, name)) throw new TypeError(`the script declares no option \`${name}\` in OPTIONS`);
  return Object.hasOwn(given, name) ? given[name] : all[name]?.default;
}

function kindOf(value) {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  return `an object of the class ${value.constructor?.name ?? "null"}`;
}

function show(value) {
  if (typeof value === "string") return value;
  if (value instanceof Error) return native.lines(value).join("\n");
  if (value instanceof Date) return isNaN(value) ? "Invalid Date" : value.toISOString();
  if (typeof value !== "object" || value === null) return String(value);
  try {
    return JSON.stringify(value, plain);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

function plain(_, value) {
  if (typeof value === "bigint") return JSON.rawJSON ? JSON.rawJSON(String(value)) : String(value);
  if (value instanceof Uint8Array) return value.toHex();
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...value];
  return value;
}

// Whether printed text is an output.
let prints = false;
const line = (level) => (...values) => {
  const shown = format(values);
  if (prints && level === 2) native.print(shown + "\n");
  else native.log(level, shown);
};

/** The values as one text. As elsewhere, `%s` and others in the first one are filled if there is more than that. */
function format(values) {
  if (typeof values[0] !== "string" || values.length < 2) return values.map(show).join(" ");
  const rest = values.slice(1);
  const text = values[0].replace(/%([sdifjoOc%])/g, (found, kind) => {
    if (kind === "%") return "%";
    return rest.length ? fill(kind, rest.shift()) : found;
  });
  return [text, ...rest.map(show)].join(" ");
}

function fill(kind, value) {
  if (kind === "c") return "";
  if (!"dif".includes(kind)) return kind === "j" && typeof value === "string" ? JSON.stringify(value) : show(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value === "symbol" || (typeof value === "object" && value !== null)) return "NaN";
  return String(kind === "d" ? Number(value) : kind === "i" ? parseInt(value) : parseFloat(value));
}

const counts = new Map();
const ignore = () => {};
globalThis.console = Object.freeze({
  log: line(2), info: line(2), warn: line(1), error: line(0), debug: line(3), trace: line(3),
  assert: (good, ...values) => { if (!good) line(0)("Assertion failed: " + format(values)); },
  dir: (value) => line(2)(value), dirxml: line(2), table: (value) => line(2)(value),
  group: (...values) => { if (values.length) line(2)(...values); },
  groupCollapsed: (...values) => { if (values.length) line(2)(...values); },
  count: (label = "default") => {
    const name = show(label);
    counts.set(name, (counts.get(name) ?? 0) + 1);
    line(2)(`${name}: ${counts.get(name)}`);
  },
  countReset: (label = "default") => { counts.delete(show(label)); },
  // The clock stands still, so that there is no time to show.
  time: ignore, timeEnd: ignore, timeLog: ignore, groupEnd: ignore, clear: ignore,
});

/** The fields of each object type, also of old records. */
const KNOWN_FIELDS = JSON.parse(native.knownFields);
const TYPES = Object.keys(KNOWN_FIELDS);
const functionOf = (type) => "process" + type.replace(/(?:^|_)(.)/g, (_, first) => first.toUpperCase());
const NAMES = new Set(["process", "checkpoint", "OBJECT_TYPES", "FIELDS", "OUTPUTS", "OPTIONS", "VERSION"]);

let whole, checkpointFunction;
const single = new Map();

/** Finds the functions that the script is made of. */
function choose(types) {
  const known = [...new Set([...TYPES, ...(Array.isArray(types) ? types : [])])];
  const names = new Map(known.map((type) => [functionOf(type), type]));
  for (const [name, value] of Object.entries(script)) {
    if (names.has(name) && typeof value === "function") single.set(names.get(name), value);
    else if (/^process./.test(name) && typeof value === "function") {
      const right = known.find((type) => functionOf(type).toLowerCase() === name.replaceAll("_", "").toLowerCase());
      throw new TypeError(`no object type belongs to the function \`${name}\`` + (right ? `: its name is \`${functionOf(right)}\`` : ""));
    } else if (!NAMES.has(name) && NAMES.has(name.toUpperCase()) && name !== "process") {
      throw new TypeError(`the script exports \`${name}\`: the name is \`${name.toUpperCase()}\``);
    }
  }
  refuseDefault(names);
  whole = script.process;
  if (whole !== undefined && typeof whole !== "function") throw new TypeError("`process` is not a function");
  if (whole && single.size) {
    const one = functionOf([...single.keys()][0]);
    throw new TypeError(`the script has both \`process\` and \`${one}\`: keep \`process\` for all objects of a call, or ` +
      `\`${one}\` for one object at a time, and do not export the other`);
  }
  if (!whole && !single.size) {
    throw new TypeError("the script exports no function `process(objects, emit)`, and none for one type such as " +
      "`processRevision(revision, emit)`: write `export` before it");
  }
  checkpointFunction = script.checkpoint;
  if (checkpointFunction !== undefined && typeof checkpointFunction !== "function") throw new TypeError("`checkpoint` is not a function");
}

/** What is exported as the default has no name for the runtime. */
function refuseDefault(names) {
  const value = script.default;
  if (value === undefined) return;
  const isOurs = typeof value === "function" && (value.name === "process" || names.has(value.name));
  const name = isOurs ? value.name : "process";
  if (isOurs ? Object.hasOwn(script, name) : script.process || single.size) return;
  throw new TypeError(`the script exports a default, which the host does not call: write \`export function ${name}\`, ` +
    "without `default`");
}

/** A call of these would run nothing, or would not be waited for. */
function refuseOthers(functions) {
  for (const one of functions) {
    const kind = Object.prototype.toString.call(one);
    if (kind !== "[object Function]") {
      throw new TypeError(`\`${one.name}\` is a generator or asynchronous: call \`emit\` instead of \`yield\`, and write no \`async\``);
    }
  }
}

function list(name, value) {
  if (!Array.isArray(value) || value.some((one) => typeof one !== "string")) {
    throw new TypeError(`${name} is a list of texts, such as ["revision"]`);
  }
  return value;
}

function fields(types) {
  const all = script.FIELDS ?? {};
  for (const [type, names] of Object.entries(all)) {
    const known = Object.hasOwn(KNOWN_FIELDS, type) ? KNOWN_FIELDS[type] : undefined;
    if (!known && !(Array.isArray(types) && types.includes(type))) {
      throw new TypeError(`FIELDS names the object type \`${type}\`, which does not exist: ${meant(type, TYPES)}`);
    }
    for (const name of list(`FIELDS.${type}`, names)) {
      if (known && !known.includes(name)) {
        throw new TypeError(`FIELDS names the field \`${name}\`, which the object type \`${type}\` does not have: ${meant(name, known)}`);
      }
    }
    native.fields(type, names);
  }
}

/** Which of the known names this one is meant to be, or all of them. */
function meant(name, known) {
  const distances = known.map((one) => [distance(name, one), one]);
  const [least, near] = distances.reduce((one, other) => (other[0] < one[0] ? other : one));
  return least <= Math.max(1, name.length / 3) ? `did you mean \`${near}\`?` : `there are ${known.map((one) => `\`${one}\``).join(", ")}`;
}

/** The number of characters to insert, remove or replace to turn one name into the other. */
function distance(one, other) {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [index, character] of [...one.slice(0, 100)].entries()) {
    const next = [index + 1];
    for (let at = 0; at < other.length; at++) {
      next.push(Math.min(row[at] + (character === other[at] ? 0 : 1), row[at + 1] + 1, next[at] + 1));
    }
    row = next;
  }
  return row.at(-1);
}

function describe(namespace, about) {
  script = namespace;
  const properties = declared();
  if (typeof properties !== "object" || properties === null) {
    throw new TypeError("OPTIONS has a JSON schema for each option, such as { minimum: { type: \"integer\", default: 0 } }");
  }
  const required = Object.keys(properties).filter((name) => !Object.hasOwn(properties[name] ?? {}, "default"));
  const schema = { type: "object", properties };
  if (required.length) schema.required = required;
  const clean = (value) => value.replace(/[^ -_a-~]/g, "_").slice(0, 100) || "script";
  const found = { name: clean(about.name), version: clean(String(script.VERSION ?? "0")), options: schema };
  const comment = /^(?:#!.*\n)?\s*(?:\/\*\*?\s*([^*\n]+?)\s*(?:\*\/|\n|$)|\/\/\s*(.+))/.exec(about.source);
  if (comment) found.summary = (comment[1] ?? comment[2]).trim().slice(0, 1000);
  return JSON.stringify(found);
}

function start(namespace, values, printsOutput) {
  script = namespace;
  given = JSON.parse(values);
  const types = script.OBJECT_TYPES;
  if (types !== undefined && types !== "any") list("OBJECT_TYPES", types);
  choose(types);
  fields(types);
  const functions = whole ? [whole] : [...single.values()];
  refuseOthers([...functions, ...(checkpointFunction ? [checkpointFunction] : [])]);
  if (single.size && Array.isArray(types) && !types.some((type) => single.has(type))) {
    throw new TypeError(`OBJECT_TYPES has no object type of \`${functionOf([...single.keys()][0])}\``);
  }
  const emits = functions.some((one) => one.length > 1) || (checkpointFunction?.length ?? 0) > 0;
  const plan = {
    "object-types": types ?? (single.size ? [...single.keys()].sort() : "any"),
    columns: ["values"],
    "holds-state": checkpointFunction !== undefined,
  };
  if (emits) {
    const outputs = script.OUTPUTS ?? [{ name: "rows" }];
    if (!Array.isArray(outputs) || outputs.some((one) => typeof one?.name !== "string")) {
      throw new TypeError("OUTPUTS is a list of outputs, such as [{ name: \"rows\" }]");
    }
    plan.outputs = [...outputs];
  } else {
    if (script.OUTPUTS !== undefined) throw new TypeError("the script declares OUTPUTS, and no function of it takes `emit`");
    plan.outputs = [];
  }
  prints = printsOutput ?? !emits;
  native.outputs(plan.outputs.map((output) => output.name), prints, emits);
  if (prints) plan.outputs.push({ name: "printed", kind: "text" });
  return JSON.stringify(plan);
}

/** Fails where a function returns a promise, which nothing would wait for. */
function done(returned, called) {
  if (typeof returned === "object" && returned instanceof Promise) {
    throw new TypeError(`\`${called.name}\` returned a promise, and nothing waits for it`);
  }
}

function process() {
  const count = native.count();
  if (whole) {
    const objects = {};
    let any = false;
    for (let batch = 0; batch < count; batch++) {
      const type = native.type(batch);
      const found = (objects[type] = native.objects(batch));
      any ||= found.length > 0;
    }
    if (any) done(whole(objects, native.emit), whole);
    return;
  }
  for (let batch = 0; batch < count; batch++) {
    const type = native.type(batch);
    const called = single.get(type);
    if (called) each(called, batch, native.objects(batch));
  }
}

function each(called, batch, objects) {
  const emit = native.emit;
  for (let at = 0; at < objects.length; at++) {
    native.savepoint();
    try {
      done(called(objects[at], emit), called);
    } catch (error) {
      if (native.isFatal(error)) throw error;
      native.rollback();
      native.reject(batch, at, error instanceof Rejected ? error.message : native.short(error));
      if (!(error instanceof Rejected)) native.rejected(error);
    }
  }
}

function checkpoint() {
  if (checkpointFunction) done(checkpointFunction(native.emit), checkpointFunction);
}

native.runner({ describe, start, process, checkpoint });
