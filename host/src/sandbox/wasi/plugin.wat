;; Reaches the memory of a plugin for the functions of `functions.wat`, which have a memory of their own: a module uses one.
;;
;; The host reads texts from the plugin's memory too. A text of the functions takes the place of the first bytes there while
;; the host reads it, and the plugin, which waits meanwhile, gets its own bytes back.
(module
  (import "env" "memory" (memory 0))
  (import "swh:journal/log@0.1.0" "log" (func $log (param i32 i32 i32)))
  (import "swh:journal/log@0.1.0" "panicked" (func $panicked (param i32 i32 i32 i32)))

  (func (export "load8") (param $at i32) (result i32) (i32.load8_u (local.get $at)))
  (func (export "load32") (param $at i32) (result i32) (i32.load (local.get $at)))
  (func (export "load64") (param $at i32) (result i64) (i64.load (local.get $at)))
  (func (export "store8") (param $at i32) (param $value i32) (i32.store8 (local.get $at) (local.get $value)))
  (func (export "store32") (param $at i32) (param $value i32) (i32.store (local.get $at) (local.get $value)))
  (func (export "store64") (param $at i32) (param $value i64) (i64.store (local.get $at) (local.get $value)))

  ;; Replaces eight bytes, and returns what they were.
  (func (export "exchange") (param $at i32) (param $value i64) (result i64)
    (i64.load (local.get $at))
    (i64.store (local.get $at) (local.get $value)))

  ;; Logs the text that is at the beginning of the memory.
  (func (export "log") (param $level i32) (param $size i32)
    (call $log (local.get $level) (i32.const 0) (local.get $size)))
  (func (export "panicked") (param $size i32)
    (call $panicked (i32.const 0) (local.get $size) (i32.const 0) (i32.const 0)))

  ;; The text is `exit code ` and the code. Its first nine bytes take the part of the location, by which the host knows it.
  (func (export "exited") (param $size i32)
    (call $panicked (i32.const 0) (local.get $size) (i32.const 0) (i32.const 9))))
