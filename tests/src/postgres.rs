//! A real PostgreSQL server, which Debian has as `postgresql`, and a proxy that loses COMMITs.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use std::{env, fs, thread};

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::kafka::free_port;
use crate::{run, until};

/// The user of the tests.
const USER: &str = "tester";
/// Its password.
pub const PASSWORD: &str = "a secret";
/// How long the server may take to start or end.
const LIMIT: Duration = Duration::from_mins(1);
/// The user that nobody is, as which the server runs where the tests run as root.
const NOBODY: u32 = 65534;
/// Bytes that a proxy passes on at once.
const BUFFER: usize = 64 << 10;

/// A server. It ends with the run.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    server: Mutex<Option<Child>>,
}

impl Postgres {
    /// The server of all tests that do not restart theirs.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Creates and starts a server.
    ///
    /// # Panics
    /// When there is none, with the package to install.
    #[must_use]
    pub fn start() -> Self {
        let folder = run::folder("postgres");
        let server = Self {
            programs: programs(),
            port: free_port(),
            server: Mutex::new(None),
            folder,
        };
        let password = server.folder.join("password");
        fs::write(&password, PASSWORD).expect("it can be written");
        if geteuid().is_root() {
            // Whoever runs the server may pass through the folder of the run, and has its own.
            let parent = server
                .folder
                .parent()
                .expect("it is in the folder of the run");
            fs::set_permissions(parent, fs::Permissions::from_mode(0o711)).expect("it is ours");
            for path in [&server.folder, &password] {
                chown(path, Some(NOBODY), Some(NOBODY)).expect("root may do that");
            }
        }
        run::succeed(
            server
                .program("initdb")
                .args([
                    "--no-sync",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--auth=scram-sha-256",
                ])
                .args(["--username", USER, "--pwfile"])
                .arg(&password)
                .arg(server.data()),
        );
        run::succeed(
            server
                .command(Path::new("openssl"))
                .args([
                    "req",
                    "-x509",
                    "-newkey",
                    "rsa:2048",
                    "-nodes",
                    "-days",
                    "2",
                    "-subj",
                    "/CN=localhost",
                ])
                .args(["-addext", "subjectAltName=DNS:localhost", "-keyout"])
                .arg(server.data().join("server.key"))
                .arg("-out")
                .arg(server.certificate()),
        );
        server.run();
        server
    }

    /// A new database with this name.
    ///
    /// # Panics
    /// When there is one.
    #[must_use]
    pub fn database(&self, name: &str) -> Database<'_> {
        let database = Database {
            server: self,
            name: name.to_owned(),
        };
        run::succeed(
            self.psql("postgres")
                .arg("-c")
                .arg(format!("CREATE DATABASE \"{name}\"")),
        );
        database
    }

    /// The certificate of the server, which trusts itself. It is one of `localhost` alone.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.data().join("server.crt")
    }

    /// Ends the server as a crash does, and starts it again.
    ///
    /// # Panics
    /// When it does not end, or does not start.
    pub fn crash(&self) {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        let mut child = server.take().expect("it runs");
        let pid = Pid::from_child(&child);
        kill_process(pid, Signal::QUIT).expect("it is there");
        child.wait().expect("it is a child");
        drop(server);
        self.run();
    }

    fn run(&self) {
        let log = fs::File::create(self.folder.join("log")).expect("it can be written");
        let settings = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "ssl=on",
            "max_connections=50",
        ];
        let mut command = self.program("postgres");
        command
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.port.to_string()]);
        for setting in settings {
            command.args(["-c", setting]);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(run::spawn(&mut command));
        until("PostgreSQL listens", LIMIT, || {
            let asked = self.psql("postgres").args(["-c", "SELECT 1"]).output();
            asked
                .is_ok_and(|answer| answer.status.success())
                .then_some(())
        });
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn program(&self, name: &str) -> Command {
        self.command(&self.programs.join(name))
    }

    /// A program that runs as whoever owns the server.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder);
        if geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    fn psql(&self, database: &str) -> Command {
        let mut command = Command::new(self.programs.join("psql"));
        command
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                "127.0.0.1",
            ])
            .args(["-p", &self.port.to_string(), "-U", USER, "-d", database])
            .env("PGPASSWORD", PASSWORD)
            .stdin(Stdio::null());
        command
    }
}

/// Debian has the programs in a folder for each version.
fn programs() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.reverse();
    folders.extend(env::split_paths(&path));
    let has = |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("psql").is_file();
    let found = folders.into_iter().find(has);
    found.expect("there is no PostgreSQL\nhint: `apt-get install postgresql`")
}

/// A database of a server.
#[derive(Debug)]
pub struct Database<'a> {
    server: &'a Postgres,
    name: String,
}

impl Database<'_> {
    /// The URL of the database, with these parameters.
    #[must_use]
    pub fn url(&self, parameters: &str) -> String {
        self.url_at(self.server.port, parameters)
    }

    /// The same at another port of this machine.
    #[must_use]
    pub fn url_at(&self, port: u16, parameters: &str) -> String {
        format!(
            "postgres://{USER}@127.0.0.1:{port}/{}{parameters}",
            self.name
        )
    }

    /// What psql prints for a statement, or its error.
    ///
    /// # Errors
    /// When the server refuses it.
    ///
    /// # Panics
    /// When psql cannot be run.
    pub fn ask(&self, sql: &str) -> Result<String, String> {
        let mut command = self.server.psql(&self.name);
        let output = command.args(["-c", sql]).output().expect("psql runs");
        if output.status.success() {
            Ok(String::from_utf8(output.stdout)
                .expect("it is UTF-8")
                .trim_end()
                .to_owned())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    /// What psql prints for a statement.
    ///
    /// # Panics
    /// When the server refuses it.
    #[must_use]
    pub fn query(&self, sql: &str) -> String {
        self.ask(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Begins statements in a session of their own, which ends with the process.
    ///
    /// # Panics
    /// When psql cannot be run.
    #[must_use]
    pub fn begin(&self, sql: &str) -> Child {
        let mut command = self.server.psql(&self.name);
        let statements = sql
            .split(';')
            .filter(|one| !one.trim().is_empty())
            .flat_map(|one| ["-c", one]);
        run::spawn(command.args(statements).stdout(Stdio::null()))
    }

    /// One number, or 0 where there is no such table yet, or no server.
    #[must_use]
    pub fn number(&self, sql: &str) -> u64 {
        let answer = self.ask(sql).unwrap_or_default();
        answer.parse().unwrap_or_default()
    }
}

/// A proxy that loses every second COMMIT of rows and positions: in turns before the server gets it, and after that.
#[derive(Debug)]
pub struct LossyProxy {
    /// Where it listens.
    pub port: u16,
    connections: Arc<AtomicU32>,
    lost: Arc<[AtomicU32; 2]>,
}

impl LossyProxy {
    /// Starts it, before the server of a database.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn start(database: &Database<'_>) -> Self {
        Self::hanging_up(database, 0)
    }

    /// The same, which ends the first connections before their first answer, so often.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn hanging_up(database: &Database<'_>, times: usize) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("it listens").port();
        let lost: Arc<[AtomicU32; 2]> = Arc::default();
        let connections = Arc::<AtomicU32>::default();
        let (counted, server) = (Arc::clone(&lost), database.server.port);
        let connected = Arc::clone(&connections);
        thread::spawn(move || {
            let count = Arc::new(AtomicU32::new(0));
            for client in listener.incoming().map_while(Result::ok).skip(times) {
                connected.fetch_add(1, Ordering::SeqCst);
                let (lost, count) = (Arc::clone(&counted), Arc::clone(&count));
                thread::spawn(move || pass_on(client, server, &lost, &count));
            }
        });
        Self {
            port,
            connections,
            lost,
        }
    }

    /// How many connections it has passed on.
    #[must_use]
    pub fn connections(&self) -> u32 {
        self.connections.load(Ordering::SeqCst)
    }

    /// How many COMMITs were lost before the server got them, and after that.
    #[must_use]
    pub fn lost(&self) -> (u32, u32) {
        let [before, after] = &*self.lost;
        (before.load(Ordering::SeqCst), after.load(Ordering::SeqCst))
    }
}

/// Passes on what a client sends, and what the server answers in another thread.
fn pass_on(mut client: TcpStream, port: u16, lost: &[AtomicU32; 2], count: &AtomicU32) {
    let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else {
        return;
    };
    let is_silent = Arc::new(AtomicU32::new(0));
    let (Ok(mut from), Ok(mut to)) = (server.try_clone(), client.try_clone()) else {
        return;
    };
    let silent = Arc::clone(&is_silent);
    thread::spawn(move || {
        let mut buffer = vec![0; BUFFER];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if silent.load(Ordering::SeqCst) > 0 || to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
    let mut buffer = vec![0; BUFFER];
    let mut advances = false;
    while let Ok(length @ 1..) = client.read(&mut buffer) {
        let bytes = &buffer[..length];
        let has = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        advances |= has(b"SET next_offset = n.next");
        if advances && has(b"COMMIT\0") {
            advances = false;
            match count.fetch_add(1, Ordering::SeqCst) % 4 {
                1 => {
                    lost[0].fetch_add(1, Ordering::SeqCst);
                    break;
                }
                3 => {
                    lost[1].fetch_add(1, Ordering::SeqCst);
                    is_silent.store(1, Ordering::SeqCst);
                }
                _ => {}
            }
        }
        if server.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}
