;; The functions of `wasi_snapshot_preview1` with nothing behind them but the log of the plugin. `mod.rs` adds those that
;; only fail in place of the comment at the end.
;;
;; The memory: from 0 the line that is not logged yet, from 8192 the texts below, from 16384 the names of the functions that
;; only fail, 32 bytes each.
(module
  (import "plugin" "load8" (func $load8 (param i32) (result i32)))
  (import "plugin" "load32" (func $load32 (param i32) (result i32)))
  (import "plugin" "load64" (func $load64 (param i32) (result i64)))
  (import "plugin" "store8" (func $store8 (param i32 i32)))
  (import "plugin" "store32" (func $store32 (param i32 i32)))
  (import "plugin" "store64" (func $store64 (param i32 i64)))
  (import "plugin" "exchange" (func $exchange (param i32 i64) (result i64)))
  (import "plugin" "log" (func $log (param i32 i32)))
  (import "plugin" "panicked" (func $panicked (param i32)))
  (import "plugin" "exited" (func $exited (param i32)))

  (memory 1)
  (data (i32.const 8192) "a plugin cannot wait: its clock moves on at once")
  (data (i32.const 8448) "` fails: a plugin has no files, sockets or timers")
  (data (i32.const 8704) "exit code ")
  (data (i32.const 8720) "poll_oneoff")

  ;; The size and the level of the line: 1 is a warning, 2 an information.
  (global $size (mut i32) (i32.const 0))
  (global $level (mut i32) (i32.const 2))
  (global $is_wait_logged (mut i32) (i32.const 0))
  ;; What the clocks other than the one on the wall show. It does not go beyond 63 bits, which many take for signed.
  (global $nanoseconds (mut i64) (i64.const 0))
  (global $random (mut i64) (i64.const 0))

  ;; Adds a byte to the line. What is beyond 4096 bytes is dropped, as the host drops it.
  (func $put (param $byte i32)
    (if (i32.lt_u (global.get $size) (i32.const 4096))
      (then
        (i32.store8 (global.get $size) (local.get $byte))
        (global.set $size (i32.add (global.get $size) (i32.const 1))))))

  (func $put_text (param $at i32) (param $bytes i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $at) (local.get $bytes)))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
      (call $put (i32.load8_u (local.get $at)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br $next))))

  (func $put_number (param $number i32)
    (if (i32.ge_u (local.get $number) (i32.const 10))
      (then (call $put_number (i32.div_u (local.get $number) (i32.const 10)))))
    (call $put (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10)))))

  ;; The bytes of the character of UTF-8 that begins here, or 0 if none does.
  (func $character (param $at i32) (result i32)
    (local $first i32) (local $second i32) (local $bytes i32) (local $index i32)
    (local.set $first (i32.load8_u (local.get $at)))
    (if (i32.lt_u (local.get $first) (i32.const 0x80)) (then (return (i32.const 1))))
    (if (i32.or (i32.lt_u (local.get $first) (i32.const 0xc2)) (i32.gt_u (local.get $first) (i32.const 0xf4)))
      (then (return (i32.const 0))))
    (local.set $bytes (i32.add (i32.const 2) (i32.add
      (i32.ge_u (local.get $first) (i32.const 0xe0)) (i32.ge_u (local.get $first) (i32.const 0xf0)))))
    (if (i32.gt_u (i32.add (local.get $at) (local.get $bytes)) (global.get $size)) (then (return (i32.const 0))))
    (local.set $index (i32.const 1))
    (loop $next
      (if (i32.ne
            (i32.and (i32.load8_u (i32.add (local.get $at) (local.get $index))) (i32.const 0xc0)) (i32.const 0x80))
        (then (return (i32.const 0))))
      (local.set $index (i32.add (local.get $index) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $index) (local.get $bytes))))
    ;; Longer than needed, surrogates, and beyond the last character.
    (local.set $second (i32.load8_u (i32.add (local.get $at) (i32.const 1))))
    (if (i32.or
          (i32.or
            (i32.and (i32.eq (local.get $first) (i32.const 0xe0)) (i32.lt_u (local.get $second) (i32.const 0xa0)))
            (i32.and (i32.eq (local.get $first) (i32.const 0xed)) (i32.gt_u (local.get $second) (i32.const 0x9f))))
          (i32.or
            (i32.and (i32.eq (local.get $first) (i32.const 0xf0)) (i32.lt_u (local.get $second) (i32.const 0x90)))
            (i32.and (i32.eq (local.get $first) (i32.const 0xf4)) (i32.gt_u (local.get $second) (i32.const 0x8f)))))
      (then (return (i32.const 0))))
    (local.get $bytes))

  ;; Replaces what is not UTF-8, which the host would not take.
  (func $mend
    (local $at i32) (local $bytes i32)
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $at) (global.get $size)))
      (local.set $bytes (call $character (local.get $at)))
      (if (i32.eqz (local.get $bytes))
        (then
          (i32.store8 (local.get $at) (i32.const 0x3f))
          (local.set $bytes (i32.const 1))))
      (local.set $at (i32.add (local.get $at) (local.get $bytes)))
      (br $next))))

  ;; Exchanges the line and the beginning of the plugin's memory.
  (func $swap
    (local $at i32)
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $at) (global.get $size)))
      (i64.store (local.get $at) (call $exchange (local.get $at) (i64.load (local.get $at))))
      (local.set $at (i32.add (local.get $at) (i32.const 8)))
      (br $next))))

  ;; Logs the line, if there is one.
  (func $end_line
    (local $first i64)
    (if (i32.eqz (global.get $size)) (then (return)))
    (call $mend)
    (local.set $first (i64.load (i32.const 0)))
    (call $swap)
    ;; Go traps after a line that begins so on standard error: `panic: ` or `fatal error: `.
    (if (i32.and
          (i32.eq (global.get $level) (i32.const 1))
          (i32.or
            (i64.eq (i64.and (local.get $first) (i64.const 0xffffffffffffff)) (i64.const 0x203a63696e6170))
            (i64.eq (local.get $first) (i64.const 0x7265206c61746166))))
      (then (call $panicked (global.get $size))))
    (call $log (global.get $level) (global.get $size))
    (call $swap)
    (global.set $size (i32.const 0))
    ;; The next line may be shorter than what is compared.
    (i64.store (i32.const 0) (i64.const 0)))

  (func $write_at_level (param $level i32)
    (if (i32.ne (global.get $level) (local.get $level))
      (then
        (call $end_line)
        (global.set $level (local.get $level)))))

  ;; Logs once that a function fails, whose name is here.
  (func $fail (param $name i32) (param $bytes i32) (result i32)
    (if (i32.load8_u (local.get $name))
      (then
        (call $end_line)
        (call $write_at_level (i32.const 1))
        (call $put (i32.const 0x60))
        (call $put_text (local.get $name) (local.get $bytes))
        (call $put_text (i32.const 8448) (i32.const 49))
        (call $end_line)
        (i32.store8 (local.get $name) (i32.const 0))))
    (i32.const 52)) ;; nosys

  (func $fails_unless_standard (param $descriptor i32) (result i32)
    (select (i32.const 0) (i32.const 8) (i32.lt_u (local.get $descriptor) (i32.const 3)))) ;; badf

  (func $no_texts (param $count i32) (param $bytes i32) (result i32)
    (call $store32 (local.get $count) (i32.const 0))
    (call $store32 (local.get $bytes) (i32.const 0))
    (i32.const 0))
  (export "args_sizes_get" (func $no_texts))
  (export "environ_sizes_get" (func $no_texts))
  (func $nothing (param i32 i32) (result i32) (i32.const 0))
  (export "args_get" (func $nothing))
  (export "environ_get" (func $nothing))

  (func (export "clock_res_get") (param $clock i32) (param $at i32) (result i32)
    (if (i32.gt_u (local.get $clock) (i32.const 3)) (then (return (i32.const 28)))) ;; inval
    (call $store64 (local.get $at) (i64.const 1000))
    (i32.const 0))
  ;; Moves the clocks on.
  (func $pass (param $span i64)
    (local $left i64)
    (local.set $left (i64.sub (i64.const 0x7fffffffffffffff) (global.get $nanoseconds)))
    (global.set $nanoseconds (i64.add
      (global.get $nanoseconds)
      (select (local.get $span) (local.get $left) (i64.lt_u (local.get $span) (local.get $left))))))
  ;; It must not log: Go looks at the clock while it collects garbage, also within `cabi_realloc`, where the host allows no
  ;; call of it.
  (func (export "clock_time_get") (param $clock i32) (param $precision i64) (param $at i32) (result i32)
    (if (i32.gt_u (local.get $clock) (i32.const 3)) (then (return (i32.const 28))))
    (if (local.get $clock)
      (then
        (call $pass (i64.const 1000))
        (call $store64 (local.get $at) (global.get $nanoseconds)))
      (else (call $store64 (local.get $at) (i64.const 946684800000000000))))
    (i32.const 0))

  ;; The generator is splitmix64, of which each byte takes a number. It starts alike in every instance.
  (func $next_random (result i64)
    (local $mixed i64)
    (global.set $random (i64.add (global.get $random) (i64.const 0x9e3779b97f4a7c15)))
    (local.set $mixed (global.get $random))
    (local.set $mixed (i64.mul (i64.const 0xbf58476d1ce4e5b9)
      (i64.xor (local.get $mixed) (i64.shr_u (local.get $mixed) (i64.const 30)))))
    (local.set $mixed (i64.mul (i64.const 0x94d049bb133111eb)
      (i64.xor (local.get $mixed) (i64.shr_u (local.get $mixed) (i64.const 27)))))
    (i64.xor (local.get $mixed) (i64.shr_u (local.get $mixed) (i64.const 31))))
  (func (export "random_get") (param $at i32) (param $bytes i32) (result i32)
    (block $done (loop $next
      (br_if $done (i32.eqz (local.get $bytes)))
      (call $store8 (local.get $at) (i32.wrap_i64 (call $next_random)))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (local.set $bytes (i32.sub (local.get $bytes) (i32.const 1)))
      (br $next)))
    (i32.const 0))

  (func (export "fd_write") (param $descriptor i32) (param $texts i32) (param $count i32) (param $written i32)
    (result i32)
    (local $at i32) (local $end i32) (local $byte i32) (local $total i32)
    (if (i32.eq (local.get $descriptor) (i32.const 1))
      (then (call $write_at_level (i32.const 2)))
      (else
        (if (i32.ne (local.get $descriptor) (i32.const 2)) (then (return (i32.const 8))))
        (call $write_at_level (i32.const 1))))
    (block $done (loop $next_text
      (br_if $done (i32.eqz (local.get $count)))
      (local.set $at (call $load32 (local.get $texts)))
      (local.set $end (i32.add (local.get $at) (call $load32 (i32.add (local.get $texts) (i32.const 4)))))
      (local.set $total (i32.add (local.get $total) (i32.sub (local.get $end) (local.get $at))))
      (block $text_done (loop $next
        (br_if $text_done (i32.eq (local.get $at) (local.get $end)))
        (local.set $byte (call $load8 (local.get $at)))
        (if (i32.eq (local.get $byte) (i32.const 10))
          (then (call $end_line))
          (else (call $put (local.get $byte))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $next)))
      (local.set $texts (i32.add (local.get $texts) (i32.const 8)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next_text)))
    (call $store32 (local.get $written) (local.get $total))
    (i32.const 0))

  ;; Standard input is empty.
  (func (export "fd_read") (param $descriptor i32) (param i32 i32) (param $read i32) (result i32)
    (if (local.get $descriptor) (then (return (i32.const 8))))
    (call $store32 (local.get $read) (i32.const 0))
    (i32.const 0))

  ;; Standard input, output and error are terminals, so that C ends what it writes with each line.
  (func (export "fd_fdstat_get") (param $descriptor i32) (param $at i32) (result i32)
    (if (i32.lt_u (local.get $descriptor) (i32.const 3))
      (then
        (call $store32 (local.get $at) (i32.const 2)) ;; a character device
        (call $store64 (i32.add (local.get $at) (i32.const 8))
          (select (i64.const 64) (i64.const 2) (local.get $descriptor))) ;; to write, to read
        (call $store64 (i32.add (local.get $at) (i32.const 16)) (i64.const 0))))
    (call $fails_unless_standard (local.get $descriptor)))
  (func (export "fd_close") (param $descriptor i32) (result i32)
    (call $fails_unless_standard (local.get $descriptor)))
  (func (export "fd_fdstat_set_flags") (param $descriptor i32) (param i32) (result i32)
    (call $fails_unless_standard (local.get $descriptor)))
  (func $seek (param $descriptor i32) (result i32)
    (select (i32.const 70) (i32.const 8) (i32.lt_u (local.get $descriptor) (i32.const 3)))) ;; spipe
  (func (export "fd_seek") (param $descriptor i32) (param i64 i32 i32) (result i32)
    (call $seek (local.get $descriptor)))
  (func (export "fd_tell") (param $descriptor i32) (param i32) (result i32)
    (call $seek (local.get $descriptor)))
  ;; There are no folders.
  (func (export "fd_prestat_get") (param i32 i32) (result i32) (i32.const 8))
  (func (export "fd_prestat_dir_name") (param i32 i32 i32) (result i32) (i32.const 8))

  ;; The time of a clock in nanoseconds.
  (func $now (param $clock i32) (result i64)
    (select (global.get $nanoseconds) (i64.const 946684800000000000) (local.get $clock)))

  ;; Waits until the first time that is named, by moving the clock on to it. The runtime of Go needs this also for waiting no
  ;; time at all. A descriptor is never ready.
  (func (export "poll_oneoff") (param $in i32) (param $out i32) (param $count i32) (param $events i32) (result i32)
    (local $time i64) (local $now i64) (local $least i64) (local $found i32)
    (if (i32.eqz (local.get $count)) (then (return (i32.const 28)))) ;; inval
    (local.set $found (i32.const -1))
    (block $done (loop $next
      (br_if $done (i32.eqz (local.get $count)))
      (if (i32.eqz (call $load8 (i32.add (local.get $in) (i32.const 8))))
        (then
          (local.set $time (call $load64 (i32.add (local.get $in) (i32.const 24))))
          ;; It is the time of a clock, and not a span.
          (if (i32.and (call $load8 (i32.add (local.get $in) (i32.const 40))) (i32.const 1))
            (then
              (local.set $now (call $now (call $load32 (i32.add (local.get $in) (i32.const 16)))))
              (local.set $time (select
                (i64.sub (local.get $time) (local.get $now))
                (i64.const 0)
                (i64.gt_u (local.get $time) (local.get $now))))))
          (if (i32.or
                (i32.eq (local.get $found) (i32.const -1))
                (i64.lt_u (local.get $time) (local.get $least)))
            (then
              (local.set $found (local.get $in))
              (local.set $least (local.get $time))))))
      (local.set $in (i32.add (local.get $in) (i32.const 48)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next)))
    (if (i32.eq (local.get $found) (i32.const -1))
      (then (return (call $fail (i32.const 8720) (i32.const 11)))))
    ;; Go's own waits are of a millisecond at most.
    (if (i32.and (i64.gt_u (local.get $least) (i64.const 1000000)) (i32.eqz (global.get $is_wait_logged)))
      (then
        (global.set $is_wait_logged (i32.const 1))
        (call $end_line)
        (call $write_at_level (i32.const 1))
        (call $put_text (i32.const 8192) (i32.const 48))
        (call $end_line)))
    (call $pass (local.get $least))
    (call $store64 (local.get $out) (call $load64 (local.get $found)))
    (call $store64 (i32.add (local.get $out) (i32.const 8)) (i64.const 0)) ;; no error, and a clock
    (call $store64 (i32.add (local.get $out) (i32.const 16)) (i64.const 0))
    (call $store64 (i32.add (local.get $out) (i32.const 24)) (i64.const 0))
    (call $store32 (local.get $events) (i32.const 1))
    (i32.const 0))

  (func (export "sched_yield") (result i32) (i32.const 0))

  ;; Traps. The host keeps the first reason that it is told in a call, which may be that of a line.
  (func (export "proc_exit") (param $code i32)
    (call $end_line)
    (call $put_text (i32.const 8704) (i32.const 10))
    (call $put_number (local.get $code))
    (call $swap)
    (call $exited (global.get $size))
    (call $swap)
    (unreachable))

  ;; FAILING
)
