//! A test process that starts another process and never ends, for the test that kills it.

use std::process::Command;
use std::{env, fs};

use journal_tests::run;

fn main() {
    let report = env::args_os()
        .nth(1)
        .expect("the first argument is the file to report to");
    let folder = run::folder("killed");
    let mut child = run::spawn(Command::new("sleep").arg("600"));
    fs::write(report, format!("{} {}", child.id(), folder.display()))
        .expect("the report's folder is there");
    child.wait().expect("a child can be waited for");
}
