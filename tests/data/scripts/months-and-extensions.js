// Counts revisions by month and files by extension, as the plugin of this name does.

import { text } from "journal_host";

export const OBJECT_TYPES = ["revision", "directory"];
export const OUTPUTS = [
  { name: "months", kind: "aggregate", key: ["month"], columns: [{ name: "revisions", merge: "sum" }] },
  { name: "extensions", kind: "aggregate", key: ["extension"], columns: [{ name: "files", merge: "sum" }] },
];

const count = (counts, key) => counts.set(key, (counts.get(key) ?? 0) + 1);

function extension(name) {
  const at = name.lastIndexOf(".");
  return at > 0 && at < name.length - 1 && name.length - at <= 17 ? name.slice(at + 1).toLowerCase() : null;
}

export function process(objects, emit) {
  const months = new Map(), extensions = new Map();
  for (const { date } of objects.revision ?? []) {
    if (date) count(months, new Date(date.timestamp.seconds * 1000).toISOString().slice(0, 7));
  }
  for (const { entries } of objects.directory ?? []) {
    for (const { type, name } of entries) {
      if (type === "file") count(extensions, extension(text(name)));
    }
  }
  for (const [month, revisions] of months) emit({ month, revisions }, "months");
  for (const [extension, files] of extensions) emit({ extension, files }, "extensions");
}
