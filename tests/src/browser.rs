//! A browser without a window, which Debian has as `chromium-headless-shell`: it shows a page, runs its scripts, and says
//! what it sees. It is driven through two pipes, so that no port is needed.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use serde_json::{Value, json};

use crate::run;

const NAMES: [&str; 3] = ["chromium-headless-shell", "chromium", "chromium-browser"];
/// The browser speaks through its file descriptors 3 and 4.
const PIPES: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#;
/// The pause between two looks at a page.
const PAUSE: Duration = Duration::from_millis(20);

/// A browser with one page. It is killed when this is dropped.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    number: u64,
    session: String,
    /// What the browser said without having been asked.
    events: Vec<Value>,
}

/// How the page is shown.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// Its width, in pixels.
    pub width: u32,
    /// Its height, in pixels.
    pub height: u32,
    /// Whether the user likes dark pages.
    pub is_dark: bool,
}

impl Browser {
    /// Starts the browser.
    ///
    /// # Panics
    /// When there is none, with the package to install.
    #[must_use]
    pub fn start() -> Self {
        let path = env::var_os("PATH").unwrap_or_default();
        let has = |name: &&str| env::split_paths(&path).any(|folder| folder.join(name).is_file());
        let name = NAMES
            .into_iter()
            .find(has)
            .unwrap_or_else(|| panic!("there is no browser\nhint: `apt-get install {}`", NAMES[0]));
        let profile = run::folder("browser");
        let mut child = run::spawn(
            Command::new("sh")
                .args(["-c", PIPES, name])
                .args([
                    "--headless",
                    "--no-sandbox",
                    "--disable-gpu",
                    "--remote-debugging-pipe",
                ])
                .arg(format!("--user-data-dir={}", profile.display()))
                .stdin(Stdio::piped())
                .stdout(Stdio::piped()),
        );
        let to = child.stdin.take().expect("it is piped");
        let from = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut browser = Self {
            child,
            to,
            from,
            number: 0,
            session: String::new(),
            events: Vec::new(),
        };
        let target = browser.call("Target.createTarget", &json!({"url": "about:blank"}));
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = browser.call("Target.attachToTarget", &attach);
        attached["sessionId"]
            .as_str()
            .expect("it is attached")
            .clone_into(&mut browser.session);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser
    }

    /// Shows pages like this from now on.
    pub fn set_screen(&mut self, screen: Screen) {
        let metrics = json!({
            "width": screen.width, "height": screen.height, "deviceScaleFactor": 1, "mobile": screen.width < 600,
        });
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
        let scheme = if screen.is_dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", &features);
    }

    /// Runs scripts of pages, or does not.
    pub fn set_scripts(&mut self, are_run: bool) {
        self.call(
            "Emulation.setScriptExecutionDisabled",
            &json!({"value": !are_run}),
        );
    }

    /// Opens an address.
    ///
    /// # Panics
    /// When nothing answers there.
    pub fn open(&mut self, url: &str) {
        let opened = self.call("Page.navigate", &json!({"url": url}));
        assert!(opened.get("errorText").is_none(), "{url}: {opened}");
    }

    /// The value of an expression in the page; null where it fails.
    pub fn value(&mut self, expression: &str) -> Value {
        let wanted = json!({"expression": expression, "returnByValue": true});
        // A page that is being loaded has nothing that evaluates it.
        let answer = self.answer("Runtime.evaluate", &wanted);
        answer["result"]["result"]["value"].clone()
    }

    /// The text of the element with this identifier; empty where there is none.
    pub fn text(&mut self, id: &str) -> String {
        let text = self.value(&format!("document.getElementById('{id}')?.innerText"));
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an expression in the page is true.
    ///
    /// # Panics
    /// When it is not within the limit, with the text of the page.
    pub fn wait_for(&mut self, what: &str, limit: Duration, expression: &str) {
        let begun = Instant::now();
        while self.value(expression) != true {
            if begun.elapsed() > limit {
                let page = self.value("document.body?.innerText");
                panic!("the page never shows {what}: {page}");
            }
            thread::sleep(PAUSE);
        }
    }

    /// Writes a picture of the page to a file.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn picture(&mut self, file: &Path) {
        let taken = self.call("Page.captureScreenshot", &json!({"format": "png"}));
        let data = taken["data"].as_str().expect("it is base64");
        fs::write(file, base64(data)).expect("the folder is ours");
    }

    /// What the browser complained about: scripts that failed, and what its policy refused.
    pub fn complaints(&mut self) -> Vec<String> {
        // The answer to this comes after all events before it.
        self.value("0");
        let is_complaint = |event: &&Value| {
            let entry = &event["params"]["entry"];
            event["method"] == "Runtime.exceptionThrown"
                || (event["method"] == "Log.entryAdded" && entry["source"] != "network")
        };
        let complaints = self.events.iter().filter(is_complaint);
        complaints.map(Value::to_string).collect()
    }

    /// The addresses that the page asked for.
    pub fn requests(&mut self) -> Vec<String> {
        self.value("0");
        let sent = self
            .events
            .iter()
            .filter(|event| event["method"] == "Network.requestWillBeSent");
        let urls = sent.filter_map(|event| event["params"]["request"]["url"].as_str());
        urls.map(str::to_owned).collect()
    }

    /// The result of a command.
    fn call(&mut self, method: &str, params: &Value) -> Value {
        let answer = self.answer(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// The answer to a command, be it a result or an error.
    fn answer(&mut self, method: &str, params: &Value) -> Value {
        self.number += 1;
        let mut message = json!({"id": self.number, "method": method, "params": params});
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        let text = format!("{message}\0");
        self.to
            .write_all(text.as_bytes())
            .expect("the browser reads");
        loop {
            let mut answer = Vec::new();
            self.from
                .read_until(0, &mut answer)
                .expect("the browser writes");
            assert_eq!(answer.pop(), Some(0), "the browser ended");
            let answer: Value = serde_json::from_slice(&answer).expect("the browser writes JSON");
            if answer["id"] != self.number {
                self.events.push(answer);
                continue;
            }
            return answer;
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// The bytes of a text in base64, of which the browser is trusted to write it right.
fn base64(text: &str) -> Vec<u8> {
    let digits = text.bytes().filter_map(|byte| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    });
    let digits: Vec<u8> = digits.collect();
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.chunks(4) {
        let bits = group
            .iter()
            .fold(0_u32, |bits, &digit| (bits << 6) | u32::from(digit));
        let bits = bits << (6 * (4 - group.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len().max(1)]);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read() {
        for (text, bytes) in [
            ("", ""),
            ("YQ==", "a"),
            ("YWI=", "ab"),
            ("YWJj", "abc"),
            ("YWJjZA==", "abcd"),
        ] {
            assert_eq!(base64(text), bytes.as_bytes());
        }
    }
}
