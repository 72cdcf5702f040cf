// Counts the objects of each type.

export const OUTPUTS = [{ name: "counts", kind: "aggregate", key: ["object_type"], columns: [{ name: "objects", merge: "sum" }] }];

export function process(objects, emit) {
  for (const object_type in objects) emit({ object_type, objects: objects[object_type].length });
}
