//! What the scripts `try` and `test` install, tested on simulated machines, each of which is a folder of programs.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use journal_tests::{paths, run};

/// The programs that the scripts themselves use. A minimal Debian has them.
const BARE: [&str; 13] = [
    "bash", "sh", "sed", "head", "find", "dirname", "readlink", "timeout", "printf", "touch",
    "cat", "grep", "mkdir",
];

/// A simulated machine: the programs on its PATH, and the log of its fake programs.
struct Machine {
    folder: PathBuf,
}

impl Machine {
    fn bare() -> Self {
        let folder = run::folder("machine");
        let machine = Self { folder };
        fs::create_dir(machine.bin()).expect("the folder is ours");
        for name in BARE {
            symlink(real(name), machine.bin().join(name)).expect("the folder is ours");
        }
        machine
    }

    fn bin(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// Adds a fake program that logs its name and arguments, and then runs `script`.
    fn fake(self, name: &str, script: &str) -> Self {
        let path = self.bin().join(name);
        let text = format!(
            "#!/bin/sh\nprintf '%s\\n' \"{name} $*\" >>{folder}/log\nfolder={folder}\n{script}\n",
            folder = self.folder.display()
        );
        run::make_program(|| fs::write(&path, text)).expect("the folder is ours");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("the file is ours");
        self
    }

    fn with(self, names: &[&str]) -> Self {
        names
            .iter()
            .fold(self, |machine, name| machine.fake(name, ""))
    }

    /// Adds a fake Rust of this minor version. Its target for plugins exists once `sysroot` has a standard library.
    fn rust(self, minor: u32) -> Self {
        self.with(&["cargo"]).fake(
            "rustc",
            &format!(
                "case \"$*\" in *target-libdir*) echo $folder/sysroot ;; \
                 *) echo \"rustc ${{RUSTUP_TOOLCHAIN:-1.{minor}}}.0\" ;; esac"
            ),
        )
    }

    /// Runs a shell that sources `tools/setup.sh` and then runs `script`.
    fn shell(&self, script: &str) -> Output {
        let root = paths::repository();
        let start = format!(
            "set -euo pipefail; root={}; target=$root/target; . \"$root/tools/setup.sh\"; {script}",
            root.display()
        );
        self.run(Command::new(real("bash")).args(["-c", &start]))
    }

    fn run(&self, command: &mut Command) -> Output {
        let command = command
            .env_clear()
            .env("PATH", self.bin())
            .env("HOME", &self.folder)
            .env("JOURNAL_TESTS_CACHE", self.folder.join("cache"))
            // Debian's Rust has fixed paths, which the simulated machine cannot hide.
            .env("JOURNAL_WASM_TOOLCHAIN", "target")
            .current_dir("/");
        run::output(command)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

fn real(name: &str) -> PathBuf {
    let path = env::var_os("PATH").expect("there is a PATH");
    let found = env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("`{name}` is not on the PATH"))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

const BUILD: &str =
    "gcc libc6-dev g++ make pkg-config libssl-dev rustc-web cargo-web rust-web-src lld-19";
const TEST: &str = "rustfmt-web rust-web-clippy default-jre-headless openssl maven python3-venv python3-dev \
     logrotate chromium-headless-shell golang-go";
const TOOLS: [&str; 4] = ["cc", "c++", "make", "pkg-config"];

#[test]
fn without_root_the_scripts_list_every_missing_package() {
    let script = |name: &str| -> PathBuf { Path::new(&paths::repository()).join(name) };
    for (name, packages) in [
        ("try", BUILD.to_owned()),
        ("test", format!("{BUILD} {TEST}")),
    ] {
        let machine = Machine::bare().fake("id", "echo 1000").with(&["apt-get"]);
        let output = machine.run(Command::new(real("bash")).arg(script(name)));
        assert_eq!(output.status.code(), Some(1));
        let expected = format!(
            "error: these packages are missing: {packages}\n\
             hint: as root: `apt-get install --no-install-recommends {packages}`\n"
        );
        assert_eq!(stderr(&output), expected);
        assert!(output.stdout.is_empty());
        assert!(
            !machine.log().contains("apt-get"),
            "nothing is installed: {}",
            machine.log()
        );
    }
}

#[test]
fn disk_that_is_too_full_is_named_before_anything_is_installed() {
    let lines = "echo 'Filesystem 1024-blocks Used Available Capacity Mounted on'; \
                 echo '/dev/a 9 9 3145728 1% /'";
    let machine = Machine::bare().fake("df", lines);
    let output =
        machine.shell("target=/nowhere/target; need_room 3; need_room 4; echo not reached");
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let text = stderr(&output);
    let expected = "error: 3 GiB are free in /, and 4 GiB are needed\nhint: make room";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn root_installs_everything_missing_at_once() {
    let machine = Machine::bare().fake("id", "echo 0").with(&["apt-get"]);
    let output = machine.shell("need_build; need_plugins; install_missing");
    let expected = format!(
        "apt-get -y -q update\n\
         apt-get -y -q install --no-install-recommends --no-remove {BUILD}\n"
    );
    assert!(machine.log().contains(&expected), "{}", machine.log());
    // The fake installation installed nothing, and the script notices.
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("error: Rust 1.95 or newer is required"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn failed_installation_ends_the_script_with_its_output() {
    let machine = Machine::bare()
        .fake("id", "echo 0")
        .fake("apt-get", "echo 'no such mirror' >&2; exit 100");
    let output = machine.shell("need_build; install_missing; echo reached");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("no such mirror"),
        "{}",
        stderr(&output)
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn rustup_adds_the_target_that_plugins_need() {
    let machine = Machine::bare().with(&TOOLS).rust(95).fake(
        "rustup",
        "mkdir -p $folder/sysroot; touch $folder/sysroot/libstd-1.rlib",
    );
    let output = machine.shell("need_build; need_plugins; install_missing; echo $WASM_TOOLCHAIN");
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(output.stdout, b"target\n");
    assert!(
        machine
            .log()
            .contains("rustup target add wasm32-unknown-unknown\n"),
        "{}",
        machine.log()
    );
}

#[test]
fn old_default_toolchain_of_rustup_gets_a_newer_one_beside_it() {
    let machine = Machine::bare().with(&TOOLS).rust(90).with(&["rustup"]);
    let output = machine.shell("need_build; install_missing; echo $RUSTUP_TOOLCHAIN");
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(output.stdout, b"1.96\n");
    assert!(
        machine
            .log()
            .contains("rustup toolchain install 1.96 --profile minimal\n"),
        "{}",
        machine.log()
    );
}

#[test]
fn machine_that_has_everything_is_not_changed() {
    let machine = Machine::bare()
        .fake("id", "echo 0")
        .with(&TOOLS)
        .rust(95)
        .with(&[
            "apt-get",
            "cargo-fmt",
            "cargo-clippy",
            "java",
            "mvn",
            "openssl",
            "python3",
            "logrotate",
            "chromium-headless-shell",
            "go",
        ]);
    let output = machine.shell(
        "need_build; need_checks; need_broker; need_oracle; need_rotation; need_browser; need_go; install_missing",
    );
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(!machine.log().contains("apt-get"), "{}", machine.log());
    assert!(output.stderr.is_empty(), "{}", stderr(&output));
}
