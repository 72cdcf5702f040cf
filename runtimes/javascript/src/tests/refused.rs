//! Scripts that are refused when they start.

use super::Script;

#[test]
fn script_that_would_do_nothing_is_refused() {
    for (text, said) in [
        (
            "function process(objects, emit) {}",
            "write `export` before it",
        ),
        (
            "export const a = 1;",
            "the script exports no function `process(objects, emit)`",
        ),
        (
            "export default function process(objects, emit) {}",
            "write `export function process`, without `default`",
        ),
        (
            "export default function processOrigin(origin) {} export function checkpoint() {}",
            "write `export function processOrigin`, without `default`",
        ),
        (
            "export default function processOrigin(origin) {} export function processRevision() {}",
            "write `export function processOrigin`, without `default`",
        ),
        (
            "export default { process() {} };",
            "write `export function process`, without `default`",
        ),
        (
            "export async function process(objects, emit) {}",
            "`process` is a generator or asynchronous",
        ),
        (
            "export function* processRevision(revision, emit) {}",
            "`processRevision` is a generator or asynchronous",
        ),
        (
            "export function process_revision(revision, emit) {}",
            "its name is `processRevision`",
        ),
        (
            "export function process() {} export function processOrigin() {}",
            "both `process` and `processOrigin`: keep `process` for all objects of a call, or",
        ),
        (
            "export const OBJECT_TYPES = 'revision'; export function process() {}",
            "OBJECT_TYPES is a list of texts",
        ),
        (
            "export const OBJECT_TYPES = ['origin']; export function processRevision() {}",
            "OBJECT_TYPES has no object type",
        ),
        (
            "export const FIELDS = { revision: 'id' }; export function process() {}",
            "FIELDS.revision is a list of texts",
        ),
        (
            "export const FIELDS = { revision: ['id', 'comitter'] }; export function process() {}",
            "FIELDS names the field `comitter`, which the object type `revision` does not have: did you mean `committer`?",
        ),
        (
            "export const FIELDS = { origin: ['x'.repeat(9)] }; export function process() {}",
            "does not have: there are `id`, `url`, `type`",
        ),
        (
            "export const FIELDS = { revison: ['id'] }; export function process() {}",
            "FIELDS names the object type `revison`, which does not exist: did you mean `revision`?",
        ),
        (
            "export const OUTPUTS = []; export function process(objects) {}",
            "no function of it takes `emit`",
        ),
        (
            "import { options } from 'journal_host'; options.a; export function process() {}",
            "options are read in a function",
        ),
        (
            "import { nosuch } from 'journal_host'; export function process() {}",
            "Could not find export 'nosuch' in module 'journal_host': it has `bytes`",
        ),
        (
            "const fs = require('fs'); export function process() {}",
            "a.js:1: ReferenceError: require is not defined: use `import`",
        ),
        (
            "module.exports = {};",
            "module is not defined: use `export`",
        ),
        (
            "new TextDecoder(); export function process() {}",
            "TextDecoder is not defined: use `text` of `journal_host`",
        ),
        (
            "await new Promise(() => {}); export function process() {}",
            "waits for a promise at its top level",
        ),
    ] {
        let failure = Script::load(text).and_then(|script| script.runner.start("{}"));
        let failure = failure.err().unwrap_or_default();
        assert!(failure.contains(said), "{text}: {failure}");
    }
}

#[test]
fn default_beside_the_functions_is_allowed() {
    let script = "export default 5; export function process() {}";
    assert!(Script::load(script).unwrap().runner.start("{}").is_ok());
    let script = "export default function process() {} export { process };";
    assert!(Script::load(script).unwrap().runner.start("{}").is_ok());
}
