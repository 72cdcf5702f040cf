//! Promises of scripts, which fail.

use super::{Script, map};

#[test]
fn promise_that_fails_is_a_failure() {
    let script = "export function process(objects, emit) { Promise.reject(new Error('lost')); }";
    let failure = Script::started(script).process(&[map(&[])]).unwrap_err();
    assert_eq!(failure, "a promise failed: a.js:1: Error: lost");
    let handled =
        "export function process(objects, emit) { Promise.reject(1).catch(() => emit({ a: 1 })); }";
    assert!(Script::started(handled).process(&[map(&[])]).is_ok());
}

#[test]
fn promise_that_is_handled_is_not_blamed_for_another_one() {
    let script = "export function process(objects, emit) {
        const handled = Promise.reject(new Error('handled'));
        Promise.reject(new Error('lost'));
        handled.catch(() => {});
    }";
    let failure = Script::started(script).process(&[map(&[])]).unwrap_err();
    assert_eq!(failure, "a promise failed: a.js:3: Error: lost");
    let script = "export function process(objects, emit) {
        for (let at = 0; at < 1000; at++) {
          const one = Promise.reject(1), other = Promise.reject(2);
          one.catch(() => {});
          other.catch(() => {});
        }
    }";
    assert!(Script::started(script).process(&[map(&[])]).is_ok());
}

#[test]
fn job_that_throws_is_a_failure() {
    let script = "export function process(objects, emit) {
        queueMicrotask(() => { throw new Error('late'); });
    }";
    let failure = Script::started(script).process(&[map(&[])]).unwrap_err();
    assert!(failure.starts_with("a.js:2: Error: late"), "{failure}");
}
