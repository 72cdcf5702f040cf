//! Makes modules that are valid, with functions of random code and with sizes that are seldom seen.

use std::fmt::Write as _;

/// Choices that bytes make. When they are used up, every choice is the first one, so that all that is made ends.
pub(super) struct Choices<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl<'a> Choices<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes: bytes.iter(),
        }
    }

    /// A number below `count`, which is at most 256.
    fn below(&mut self, count: usize) -> usize {
        self.bytes
            .next()
            .map_or(0, |&byte| usize::from(byte) % count)
    }

    /// A size: mostly small, sometimes far beyond what compilers make.
    fn size(&mut self, most: usize) -> usize {
        match self.below(16) {
            0..13 => self.below(8),
            13 => self.below(100),
            14 => most / 100 * self.below(100),
            _ => most,
        }
    }
}

const TYPES: [&str; 4] = ["i32", "i64", "f32", "f64"];
const BINARY: [&[&str]; 4] = [
    &["add", "sub", "mul", "div_u", "rem_s", "and", "shl", "rotr"],
    &[
        "add", "sub", "mul", "div_s", "rem_u", "xor", "shr_s", "rotl",
    ],
    &["add", "sub", "mul", "div", "min", "copysign"],
    &["add", "sub", "mul", "div", "max", "copysign"],
];

/// The function with this number has one parameter of each type and this result; each has four locals of each type.
fn result_of(function: usize) -> usize {
    function % TYPES.len()
}

/// Items of a module: `functions` functions `$f0`, `$f1` ..., a table, globals and data.
pub(super) fn items(choices: &mut Choices<'_>) -> String {
    let mut items = String::new();
    let functions = 1 + choices.below(6);
    for function in 0..functions {
        let result = result_of(function);
        let mut body = String::new();
        for _ in 0..choices.below(6) {
            body += &statement(choices, functions, 4);
        }
        body += &expression(choices, result, functions, 5);
        let locals = TYPES.map(|kind| format!("(local {})", format!("{kind} ").repeat(4)));
        let more = "i64 ".repeat(choices.size(60_000));
        let _ = write!(
            items,
            "(func $f{function} (param i32 i64 f32 f64) (result {}) {} (local {more}) {body})",
            TYPES[result],
            locals.concat(),
        );
    }
    let _ = write!(
        items,
        "(table $t {} funcref) (elem (i32.const 0) $f0)",
        1 + choices.size(2_000_000)
    );
    items += &"(global (mut i64) (i64.const 1))".repeat(choices.size(200_000));
    items += &"(data \"x\")".repeat(choices.size(120_000));
    items += &"(func)".repeat(choices.size(250_000));
    let signature = "i32 ".repeat(choices.size(1000));
    let _ = write!(items, "(type (func (param {signature}) (result i32)))");
    items
}

/// Code that calls the first function.
pub(super) fn call(choices: &mut Choices<'_>) -> String {
    format!(
        "(drop (call $f0 (i32.const {}) (i64.const 3) (f32.const 0.5) (f64.const nan)))",
        choices.below(256)
    )
}

fn statement(choices: &mut Choices<'_>, functions: usize, depth: usize) -> String {
    if depth == 0 {
        return String::new();
    }
    let kind = choices.below(TYPES.len());
    let inner = |choices: &mut Choices<'_>| statement(choices, functions, depth - 1);
    let value = |choices: &mut Choices<'_>, kind| expression(choices, kind, functions, depth - 1);
    match choices.below(9) {
        0 => String::new(),
        1 => {
            let local = 4 + 4 * kind + choices.below(4);
            format!("(local.set {local} {})", value(choices, kind))
        }
        2 => {
            let at = value(choices, 0);
            format!("({}.store {at} {})", TYPES[kind], value(choices, kind))
        }
        3 => {
            let condition = value(choices, 0);
            format!(
                "(if {condition} (then {}) (else {}))",
                inner(choices),
                inner(choices)
            )
        }
        4 => {
            let body = inner(choices);
            format!(
                "(block $b (loop $l {body} (br_if $b {}) (br_if $l {})))",
                value(choices, 0),
                value(choices, 0)
            )
        }
        5 => {
            let levels = choices.size(8000);
            let open = ["(block ", "(loop ", "(if (i32.const 1) (then "][choices.below(3)];
            let close = ")".repeat(1 + usize::from(open.starts_with("(if")));
            open.repeat(levels) + &inner(choices) + &close.repeat(levels)
        }
        6 => {
            let targets = "0 ".repeat(choices.size(30_000));
            format!("(block (br_table {targets} 0 {}))", value(choices, 0))
        }
        7 => format!("(drop (memory.grow {}))", value(choices, 0)),
        _ => format!("(drop {})", value(choices, kind)),
    }
}

fn expression(choices: &mut Choices<'_>, kind: usize, functions: usize, depth: usize) -> String {
    let name = TYPES[kind];
    let constant = |choices: &mut Choices<'_>| match choices.below(4) {
        0 => format!("({name}.const 0)"),
        1 if kind > 1 => format!("({name}.const inf)"),
        1 => format!("({name}.const -1)"),
        _ => format!(
            "(local.get {})",
            if choices.below(2) == 0 {
                kind
            } else {
                4 + 4 * kind
            }
        ),
    };
    if depth == 0 {
        return constant(choices);
    }
    let value = |choices: &mut Choices<'_>, kind| expression(choices, kind, functions, depth - 1);
    match choices.below(8) {
        0 => constant(choices),
        1 | 2 => {
            let operator = BINARY[kind][choices.below(BINARY[kind].len())];
            format!(
                "({name}.{operator} {} {})",
                value(choices, kind),
                value(choices, kind)
            )
        }
        3 => format!("({name}.load {})", value(choices, 0)),
        4 => {
            let condition = value(choices, 0);
            format!(
                "(select {} {} {condition})",
                value(choices, kind),
                value(choices, kind)
            )
        }
        5 => {
            let condition = value(choices, 0);
            format!(
                "(if (result {name}) {condition} (then {}) (else {}))",
                value(choices, kind),
                value(choices, kind)
            )
        }
        6 => match (0..functions).find(|&function| result_of(function) == kind) {
            Some(function) => {
                let arguments: Vec<_> = (0..TYPES.len()).map(|kind| value(choices, kind)).collect();
                format!("(call $f{function} {})", arguments.concat())
            }
            None => constant(choices),
        },
        _ => {
            // A long chain of additions.
            let terms = choices.size(3000);
            let add = format!("({name}.add {} ", constant(choices));
            add.repeat(terms) + &constant(choices) + &")".repeat(terms)
        }
    }
}
