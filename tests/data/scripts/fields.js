// Reads every field of every object, also of the entries of directories, and counts those of objects that have a value.

export const OUTPUTS = [{ name: "fields", kind: "aggregate", key: ["object_type"], columns: [{ name: "fields", merge: "sum" }] }];

const names = new Map();
let last;

// The names of the fields of all objects of a type, which are listed once: listing those of each object takes longer than
// reading them.
function namesOf(object_type, object) {
  if (!names.has(object_type)) names.set(object_type, Object.keys(object));
  return names.get(object_type);
}

export function process(objects, emit) {
  for (const object_type in objects) {
    let fields = 0;
    for (const object of objects[object_type]) {
      for (const name of namesOf(object_type, object)) {
        const value = object[name];
        if (value != null) fields += 1;
        if (name === "entries") {
          for (const { type, name, target, perms } of value) last = [type, name, target, perms];
        }
      }
    }
    emit({ object_type, fields });
  }
}
