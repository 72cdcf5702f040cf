// The root directories of revisions, each once: many revisions share one.

export const OUTPUTS = [
  { name: "directories", kind: "unique", key: ["directory"], row: [{ name: "directory", type: "id" }] },
];

export function processRevision(revision, emit) {
  emit({ directory: revision.directory });
}
